// The top of the page: whether guardd works, why not, and what it has counted since its start.

import { el, fill, icon } from "./dom.js";
import { alert_box, announce, button, facts } from "./parts.js";
import { _, counted, format, grouped, sentence, visible } from "./text.js";

function title_of(model) {
  const guarded = [...model.policies.values()].filter((policy) => policy.State === "active").length;
  switch (model.facts.Health) {
    case "ok":
      if (model.policies.size === 0) return _("Nothing is guarded: there is no policy");
      return counted(guarded, "$0 policy is in force", "$0 policies are in force");
    case "paused":
      return _("A policy is paused");
    case "degraded":
      return _("guardd does less than it should");
    case "disabled":
      return _("guardd is disabled and enforces nothing");
    default:
      return visible(model.facts.Health);
  }
}

const SHAPE = { ok: "ok", paused: "paused", degraded: "degraded", disabled: "disabled" };

function tile(name, number, kind) {
  return el(
    "div",
    { class: `tile${kind && number > 0 ? ` tile-${kind}` : ""}` },
    el("dt", null, name),
    el("dd", null, grouped(number ?? 0)),
  );
}

// The reasons are sentences, joined by semicolons.
function reasons(text) {
  const each = (text || "").split("; ").filter(Boolean);
  return (
    each.length > 0 &&
    el(
      "ul",
      { class: "reasons" },
      each.map((reason) => el("li", null, sentence(reason))),
    )
  );
}

function not_running() {
  return el(
    "section",
    { class: "card empty", "aria-labelledby": "health-title" },
    icon("disabled"),
    el("h2", { id: "health-title" }, _("guardd is not running")),
    el("p", null, _("Nothing is guarded. To start guardd and see why it has ended:")),
    el("p", null, el("code", null, "systemctl start guardd; systemctl status guardd")),
  );
}

export function health_view(model, { on_reload, on_scan }) {
  const place = el("div", { class: "place" });
  let announced = "";

  // A screen reader hears of another health, but not of the first.
  function announce_health() {
    const title = model.is_running ? title_of(model) : _("guardd is not running");
    if (announced && announced !== title) announce(title);
    announced = title;
  }

  function draw() {
    if (model.is_known) announce_health();
    if (!model.is_known)
      return fill(
        place,
        el("section", { class: "card empty" }, el("p", null, _("Asking guardd …"))),
      );
    if (!model.is_running) return fill(place, not_running());
    const health = model.facts;
    const focused = document.activeElement?.dataset.control;
    const is_focused = place.contains(document.activeElement);
    const is_unfolded = place.querySelector("details")?.open;
    const backend = health.BackendReason
      ? format("$0: $1", visible(health.Backend), visible(health.BackendReason))
      : visible(health.Backend);
    fill(
      place,
      !model.may.manage &&
        el(
          "p",
          { class: "note" },
          _(
            "You see what guardd does. To change something, turn on administrative access in Cockpit.",
          ),
        ),
      el(
        "section",
        {
          class: `card health health-${SHAPE[health.Health] || "degraded"}`,
          "aria-labelledby": "health-title",
        },
        el(
          "div",
          { class: "health-state" },
          icon(SHAPE[health.Health] || "degraded"),
          el(
            "div",
            null,
            el("h2", { id: "health-title" }, title_of(model)),
            reasons(health.HealthReason),
          ),
          model.may.manage &&
            el(
              "div",
              { class: "actions" },
              button(_("Scan all trees"), on_scan, { control: "scan-all" }),
              button(_("Reload policies"), on_reload, { control: "reload" }),
            ),
        ),
        el(
          "dl",
          { class: "tiles", "aria-label": _("Since guardd was started") },
          tile(_("Violations"), health.Violations),
          tile(_("Fixed"), health.Fixed),
          tile(_("Denied"), health.Denied),
          tile(_("Lost events"), health.Lost, "warning"),
        ),
        el(
          "details",
          { open: is_unfolded },
          el("summary", { "data-control": "about" }, _("About this guardd")),
          facts([
            [_("Version"), visible(health.Version)],
            [_("Backend"), backend],
            [_("Policies loaded"), counted(health.Generation ?? 0, "$0 time", "$0 times")],
          ]),
        ),
      ),
    );
    if (is_focused && focused) place.querySelector(`[data-control="${focused}"]`)?.focus();
    return undefined;
  }

  model.addEventListener("state", draw);
  draw();
  return place;
}

// The result of a reload, until it is dismissed.
export function reload_result(errors, on_dismiss) {
  const dismiss = button(_("Dismiss"), on_dismiss, { kind: "link" });
  if (errors.length === 0)
    return alert_box("success", _("The policies were reloaded and are in force."), dismiss);
  return alert_box(
    "danger",
    _("The policies are invalid. The previous ones stay in force."),
    el(
      "ul",
      { class: "mistakes" },
      errors.map((line) => el("li", null, el("code", null, visible(line)))),
    ),
    dismiss,
  );
}
