export { UiBadge } from "./badge";
export { UiButton } from "./button";
export {
  UiCard,
  UiCardContent,
  UiCardDescription,
  UiCardFooter,
  UiCardHeader,
  UiCardTitle,
} from "./card";
export { UiInput, UiLabel, UiTextarea } from "./input";
