// Texts for people: translated, and harmless no matter who chose the words in them.

const cockpit = window.cockpit;

export const _ = (text) => cockpit.gettext(text);
export const format = (text, ...words) => cockpit.format(text, ...words);

const language = cockpit.language?.replace("_", "-") || undefined;
const numbers = new Intl.NumberFormat(language);
export const grouped = (number) => numbers.format(number);

// counted(3, "$0 file", "$0 files")
export function counted(number, one, many) {
  return cockpit.format(cockpit.ngettext(one, many, number), grouped(number));
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;
const SHORT = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e" };
const LONGEST = 2000;

function escape_of(character) {
  return SHORT[character] || "\\u{" + character.codePointAt(0).toString(16) + "}";
}

// A name or a command line of another user. Characters that have no shape, or that change the direction or the place of
// what follows, are shown as escapes.
export function visible(text, longest = LONGEST) {
  const whole = String(text ?? "");
  const cut = whole.length > longest ? whole.slice(0, longest) + "…" : whole;
  return cut.replace(INVISIBLE, escape_of);
}

function is_today(moment) {
  return moment.toDateString() === new Date().toDateString();
}

// "14:30:07" today, else with the date. Takes an RFC 3339 text, or microseconds since 1970.
export function moment_text(time, { seconds = true, date = true } = {}) {
  const moment = new Date(typeof time === "number" ? time / 1000 : time);
  if (Number.isNaN(moment.getTime())) return visible(time);
  const style = {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(seconds && { second: "2-digit" }),
  };
  if (date && !is_today(moment))
    Object.assign(style, { year: "numeric", month: "short", day: "numeric" });
  return moment.toLocaleString(language, style);
}

// "14:30:07 to 14:30:12"; the date is said once.
export function span_text(first, last) {
  const begin = moment_text(first);
  const is_one_day = new Date(first).toDateString() === new Date(last).toDateString();
  const end = moment_text(last, { date: !is_one_day });
  return moment_text(last) === begin ? begin : cockpit.format(_("$0 to $1"), begin, end);
}

// A sentence of guardd or of the bus as one of ours: with a capital and a full stop.
export function sentence(text) {
  const shown = visible(text).trim();
  if (!shown) return "";
  return shown[0].toUpperCase() + shown.slice(1) + (/[.!?…]$/.test(shown) ? "" : ".");
}
