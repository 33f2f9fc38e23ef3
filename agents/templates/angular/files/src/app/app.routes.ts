import type { Routes } from "@angular/router";

/** Pages of the app. A page shows where <router-outlet /> stands. */
export const routes: Routes = [];
