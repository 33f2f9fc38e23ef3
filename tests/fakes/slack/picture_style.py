"""How the pictures look: Slack's colours and measures, by eye."""

STYLE = """
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.46668 Lato, "Noto Sans", "Segoe UI", system-ui, sans-serif; }
.theme { padding: 20px; background: var(--page); color: var(--ink); min-width: fit-content; }
.light { --page: #fff; --ink: #1d1c1d; --soft: #616061; --line: #dddddd; --link: #1264a3;
  --card: #fff; --code: #f6f6f6; --code-ink: #e01e5a; --green: #007a5a; --red: #e01e5a;
  --mention: #f2f9ff; --hover: #f8f8f8; }
.dark { --page: #1a1d21; --ink: #d1d2d3; --soft: #ababad; --line: #35373b; --link: #1d9bd1;
  --card: #222529; --code: #232529; --code-ink: #e8912d; --green: #2bac76; --red: #e96379;
  --mention: #1d3a4d; --hover: #222529; }
.frames { display: flex; gap: 24px; align-items: flex-start; }
.frame { width: var(--width); flex: none; }
.frame > h2 { font-size: 13px; font-weight: 700; color: var(--soft); margin: 0 0 8px; }
.message { display: flex; gap: 8px; padding: 8px 0; }
.avatar { width: 36px; height: 36px; border-radius: 8px; flex: none; display: grid;
  place-items: center; background: #4a154b; color: #fff; font-weight: 900; }
.body { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.who { font-weight: 900; } .posted { color: var(--soft); margin-left: 8px; font-size: 12px; }
.app { font-size: 10px; font-weight: 700; color: var(--soft); background: var(--hover);
  border-radius: 2px; padding: 1px 3px; margin-left: 4px; vertical-align: 1px; }
.edited, .only-you { color: var(--soft); font-size: 13px; }
.gone { opacity: .45; text-decoration: line-through; }
.block { margin: 8px 0; max-width: 600px; }
.body > .block:first-of-type { margin-top: 2px; }
a { color: var(--link); text-decoration: none; }
h3 { font-size: 18px; font-weight: 900; line-height: 1.33; margin: 12px 0 4px; }
h4 { font-size: 15px; margin: 8px 0 2px; } p { margin: 0 0 4px; }
ul, ol { margin: 2px 0; padding-left: 26px; }
hr { border: 0; border-top: 1px solid var(--line); margin: 12px 0; }
code, pre { font: 12px/1.5 "Noto Sans Mono", Menlo, Consolas, monospace; }
code { color: var(--code-ink); }
code, pre { background: var(--code); border: 1px solid var(--line); border-radius: 3px; }
code { padding: 2px 3px 1px; } pre { padding: 8px; margin: 4px 0; white-space: pre-wrap; }
blockquote { margin: 4px 0; padding-left: 12px; border-left: 4px solid var(--line); }
.mention { color: var(--link); background: var(--mention); border-radius: 3px; padding: 0 2px 1px; }
.section { display: flex; gap: 16px; } .left { flex: 1; min-width: 0; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin-top: 8px; }
.accessory img { width: 88px; height: 88px; object-fit: cover; border-radius: 4px; }
.image img { max-width: 360px; max-height: 360px; border-radius: 4px; display: block; }
.image .title { color: var(--soft); font-size: 13px; margin-bottom: 4px; }
.context { display: flex; flex-wrap: wrap; gap: 4px 8px; font-size: 13px; color: var(--soft); }
.context img { width: 20px; height: 20px; border-radius: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; }
.context_actions { display: flex; gap: 4px; }
button { font: 900 13px/1 inherit; font-family: inherit; height: 32px; padding: 0 12px;
  border-radius: 4px; border: 1px solid var(--line); background: var(--card); color: var(--ink); }
button.primary { background: #007a5a; border-color: #007a5a; color: #fff; }
button.danger { background: #e01e5a; border-color: #e01e5a; color: #fff; }
button.feedback, button.icon-button { height: 28px; padding: 0 8px; border: 0;
  background: none; color: var(--soft); font-weight: 400; }
.out { font-weight: 400; opacity: .8; }
.plan, .task_card { border: 1px solid var(--line); border-radius: 12px; background: var(--card);
  padding: 12px 16px; }
.plan-title { font-weight: 900; margin-bottom: 8px; }
.task { display: flex; gap: 8px; padding: 4px 0; }
.icon { width: 20px; height: 20px; flex: none; margin-top: 1px; }
.icon .ring { fill: none; stroke: var(--soft); stroke-width: 1.5; opacity: .6; }
.icon .spin { fill: none; stroke: var(--link); stroke-width: 2; stroke-linecap: round; }
.icon .good { fill: var(--green); } .icon .bad { fill: var(--red); }
.task-title { font-weight: 400; }
.task-details, .task-output { color: var(--soft); font-size: 13px; }
.source { display: inline-block; font-size: 12px; border: 1px solid var(--line);
  border-radius: 12px; padding: 0 8px; margin: 4px 4px 0 0; }
.unknown { color: var(--red); }
[class^=alert-] { border: 1px solid var(--line); border-left: 4px solid var(--soft);
  border-radius: 8px; padding: 8px 12px; }
.alert-error { border-left-color: var(--red); } .alert-success { border-left-color: var(--green); }
.view { border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
.view > header { padding: 16px 20px; font-size: 20px; font-weight: 900; }
.view > main { padding: 0 20px 8px; }
.view > footer { padding: 12px 20px; display: flex; gap: 12px; justify-content: flex-end;
  border-top: 1px solid var(--line); }
label { display: block; font-weight: 700; margin-bottom: 6px; }
.field { border: 1px solid var(--soft); border-radius: 4px; padding: 8px 12px; min-height: 38px;
  position: relative; }
.field.tall { min-height: 92px; } .hint, .optional { color: var(--soft); font-weight: 400; }
.arrow { position: absolute; right: 12px; top: 4px; }
.error { color: var(--red); font-size: 13px; margin-top: 4px; }
"""
