/** The signed-in person in the bar: as whom they act, and the way out. */

import { h, reconcile, setText, show } from "/page/dom.js";

/**
 * @param {{onSwitch: (organization: string | null) => void, onSignOut: () => void}} actions
 */
export function accountView({ onSwitch, onSignOut }) {
  const name = h("span", { class: "account-name" });
  const select = h("select", { class: "picker", "aria-label": "Act as" });
  const out = h(
    "button",
    { type: "button", class: "button quiet small", onclick: onSignOut },
    "Sign out",
  );
  const element = h("div", { class: "account", hidden: true }, name, select, out);
  select.addEventListener("change", () => onSwitch(select.value || null));

  return {
    element,
    /** @param {{name: string, organizations: {id: string, name: string}[], active: string | null} | null} person */
    render(person) {
      show(element, person !== null);
      if (!person) return;
      const choices = [{ id: "", name: person.name }, ...person.organizations];
      reconcile(
        select,
        choices,
        ({ id }) => id,
        ({ id }) => h("option", { value: id }),
        (option, choice) => setText(option, choice.name),
      );
      select.value = person.active ?? "";
      setText(name, person.name);
      show(select, person.organizations.length > 0);
      show(name, person.organizations.length === 0);
    },
  };
}
