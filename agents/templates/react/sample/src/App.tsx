import { SquareKanban } from 'lucide-react';
import { Board } from '@/components/Board';
import { headline, notes, request } from '@/data';

export default function App() {
  return (
    <div className="mx-auto flex min-h-svh max-w-6xl flex-col px-4 py-8 sm:px-6 sm:py-12">
      <header className="mb-8 flex items-start gap-4">
        <div className="grid size-11 shrink-0 place-items-center rounded-lg bg-primary text-primary-foreground shadow-sm">
          <SquareKanban aria-hidden="true" className="size-6" />
        </div>
        <div className="min-w-0">
          <h1 className="text-2xl font-semibold tracking-tight text-balance wrap-anywhere sm:text-3xl">
            {headline}
          </h1>
          {request && (
            <p className="mt-1 line-clamp-3 text-muted-foreground wrap-anywhere">“{request}”</p>
          )}
        </div>
      </header>

      <main className="flex-1">
        <Board />

        {notes.length > 0 && (
          <section aria-labelledby="notes" className="mt-8 rounded-xl border bg-card p-5">
            <h2 id="notes" className="text-sm font-semibold">
              Notes
            </h2>
            <ul className="mt-2 list-disc space-y-1 pl-5 text-sm text-muted-foreground marker:text-primary">
              {notes.map((note, index) => (
                <li key={index} className="wrap-anywhere">
                  {note}
                </li>
              ))}
            </ul>
          </section>
        )}
      </main>

      <footer className="mt-10 text-sm text-muted-foreground">
        A sample app from Zapdev&rsquo;s offline model. Connect a real model to build exactly what
        you asked for.
      </footer>
    </div>
  );
}
