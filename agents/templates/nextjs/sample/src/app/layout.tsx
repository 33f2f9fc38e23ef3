import type { Metadata } from "next";
import type { ReactNode } from "react";
import { headline, request } from "@/lib/data";
import "./globals.css";
import "./theme.css";

export const metadata: Metadata = { title: headline, description: request };

export default function RootLayout({ children }: Readonly<{ children: ReactNode }>) {
  return (
    <html lang="en">
      <body className="min-h-dvh">{children}</body>
    </html>
  );
}
