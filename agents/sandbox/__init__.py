"""Where apps live and run: the manager that hands sandboxes out, and the adapters behind it."""
