export default function App() {
  return (
    <main data-zapdev="zapdev-start-page" className="grid min-h-svh place-items-center px-6 py-16">
      <div className="max-w-md text-center">
        <div
          aria-hidden="true"
          className="mx-auto mb-8 flex w-44 flex-col gap-2.5 rounded-xl border bg-card p-4 shadow-sm"
        >
          <span className="h-2.5 w-1/2 animate-pulse rounded-full bg-primary/70" />
          <span className="h-2.5 w-full animate-pulse rounded-full bg-secondary" />
          <span className="h-2.5 w-4/5 animate-pulse rounded-full bg-secondary" />
          <span className="h-2.5 w-3/5 animate-pulse rounded-full bg-secondary" />
        </div>
        <h1 className="text-2xl font-semibold tracking-tight text-balance">
          Your app will appear here
        </h1>
        <p className="mt-3 text-balance text-muted-foreground">
          This page is only a placeholder. It goes away as soon as the first version is written.
        </p>
      </div>
    </main>
  );
}
