import { LayoutDashboard } from "lucide-react";
import { Board } from "@/components/Board";
import { Card, CardContent, CardHeader, CardTitle } from "@/components/ui/card";
import { headline, notes, request, topic } from "@/lib/data";

export default function Home() {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-6xl flex-col gap-8 px-4 py-8 sm:px-6 sm:py-12">
      <header className="flex items-start gap-4">
        <span className="grid size-12 shrink-0 place-items-center rounded-xl bg-primary text-primary-foreground shadow-sm">
          <LayoutDashboard aria-hidden="true" className="size-6" />
        </span>
        <div className="min-w-0">
          <h1 className="text-2xl font-semibold tracking-tight wrap-anywhere sm:text-3xl">
            {headline}
          </h1>
          <p className="mt-1 wrap-anywhere text-muted-foreground">Plan for: {topic}</p>
        </div>
      </header>

      <Board />

      {notes.length > 0 && (
        <Card>
          <CardHeader>
            <CardTitle>Notes</CardTitle>
          </CardHeader>
          <CardContent>
            <ul className="list-disc space-y-1.5 pl-5 wrap-anywhere marker:text-primary">
              {notes.map((note, index) => (
                <li key={index}>{note}</li>
              ))}
            </ul>
          </CardContent>
        </Card>
      )}

      <footer className="mt-auto border-t border-border pt-5 text-sm text-muted-foreground">
        <p className="wrap-anywhere">You asked: “{request}”</p>
        <p className="mt-1">
          A sample app by the built-in offline model, made without AI. Cards stay in this browser.
        </p>
      </footer>
    </main>
  );
}
