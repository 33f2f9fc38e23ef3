import { Sparkles } from "lucide-react";
import { Badge } from "@/components/ui/badge";
import { Card, CardContent } from "@/components/ui/card";

export default function Home() {
  return (
    <main
      data-zapdev="zapdev-start-page"
      className="flex min-h-dvh items-center justify-center px-6 py-16"
    >
      <div className="w-full max-w-md text-center">
        <span className="mx-auto mb-6 grid size-14 place-items-center rounded-2xl bg-accent text-accent-foreground">
          <Sparkles aria-hidden="true" className="size-6" />
        </span>
        <Badge variant="secondary">Next.js</Badge>
        <h1 className="mt-4 text-3xl font-semibold tracking-tight">Your app will appear here</h1>
        <p className="mt-3 text-balance text-muted-foreground">
          This is the empty starting page. As soon as the first version is written, it takes this
          place.
        </p>
        <Card aria-hidden="true" className="mt-10 text-left">
          <CardContent className="space-y-3 pt-6">
            <div className="h-3 w-2/5 rounded-full bg-muted" />
            <div className="h-3 w-full rounded-full bg-muted" />
            <div className="h-3 w-4/5 rounded-full bg-muted" />
          </CardContent>
        </Card>
      </div>
    </main>
  );
}
