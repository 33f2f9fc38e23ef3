// The words of the app. Everything shown comes from here or from what people type.
export const headline = {{TITLE_JSON}};
export const request = {{PROMPT_JSON}};
export const topic = {{TOPIC_JSON}};
export const notes: string[] = [];

export const columns = [
  { id: 'todo', title: 'To do' },
  { id: 'doing', title: 'Doing' },
  { id: 'done', title: 'Done' },
] as const;

export const starterCards = [
  { id: 'start-1', column: 'todo', title: 'Ask two people what is missing' },
  { id: 'start-2', column: 'todo', title: 'Try it on a phone' },
  { id: 'start-3', column: 'doing', title: `First sketch: ${topic}` },
  { id: 'start-4', column: 'done', title: 'Write down the idea' },
] as const;
