/** The words of this app, and what is on the board when it is opened for the first time. */
export const headline = {{TITLE_JSON}};
export const request = {{PROMPT_JSON}};
export const topic = {{TOPIC_JSON}};

/** Shown as a list under the board when there are any. */
export const notes: string[] = [];

export type ColumnId = "todo" | "doing" | "done";

export type BoardCard = {
  id: string;
  title: string;
  detail?: string;
  column: ColumnId;
};

export const columns: { id: ColumnId; title: string }[] = [
  { id: "todo", title: "To do" },
  { id: "doing", title: "In progress" },
  { id: "done", title: "Done" },
];

export const firstCards: BoardCard[] = [
  {
    id: "first-1",
    title: "Write down what matters most",
    detail: `Three sentences about: ${topic}`,
    column: "todo",
  },
  {
    id: "first-2",
    title: "Show it to two people",
    detail: "Ask what they would miss first",
    column: "todo",
  },
  {
    id: "first-3",
    title: "Sort the ideas",
    detail: "Keep the small ones, park the rest",
    column: "doing",
  },
  { id: "first-4", title: "Set up this board", column: "done" },
];
