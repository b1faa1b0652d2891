#include "dbus/metrics.h"

#include <array>
#include <string_view>
#include <utility>

namespace guard::bus {
namespace {

constexpr std::array<std::string_view, 4> kHealth{"ok", "degraded", "paused", "disabled"};
constexpr std::array<std::string_view, 6> kStates{"active", "pending",  "degraded",
                                                  "off",    "disabled", "paused"};

enum class Format : std::uint8_t { kOpenMetrics, kPrometheus };

class Text {
 public:
  explicit Text(Format format) : format_(format) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "guardd_" + std::string(name);
    auto exported_name = name_;
    if (format_ == Format::kPrometheus) {
      // The older format has neither of these types, and names a family like its samples.
      exported_name += type == "counter" ? "_total" : type == "info" ? "_info" : "";
      if (type == "info" || type == "stateset") type = "gauge";
    }
    text_ += "# TYPE " + exported_name + ' ' + std::string(type) + "\n# HELP " + exported_name +
             ' ' + std::string(help) + '\n';
  }

  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
  void sample(std::string_view suffix, const Labels& labels, const std::string& value) {
    text_ += name_ + std::string(suffix);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text_ += (i == 0 ? '{' : ',') + std::string(labels[i].first) + "=\"";
      append_escaped(labels[i].second);
      text_ += '"';
    }
    text_ += (labels.empty() ? " " : "} ") + value + '\n';
  }
  void sample(std::string_view suffix, const Labels& labels, std::uint64_t value) {
    sample(suffix, labels, std::to_string(value));
  }

  // Exactly one is 1; for an unknown state, all are 0.
  template <typename States>
  void states(const States& states, Labels labels, std::string_view now) {
    const std::string name = name_;
    labels.emplace_back(name, "");
    for (const std::string_view each : states) {
      labels.back().second = each;
      sample("", labels, each == now ? 1 : 0);
    }
  }

  std::string finish() && {
    return std::move(text_) + (format_ == Format::kOpenMetrics ? "# EOF\n" : "");
  }

 private:
  void append_escaped(std::string_view value) {
    for (const char c : value) {
      if (c == '\n') {
        text_ += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
  }

  Format format_;
  std::string text_;
  std::string name_;
};

void put(Text& text, const Facts& facts) {
  text.family("build", "info", "The version and the backend of guardd.");
  text.sample("_info", {{"version", facts.version}, {"backend", facts.backend}}, 1);
  text.family("health", "stateset", "The health of guardd; guardctl status shows the reasons.");
  text.states(kHealth, {}, facts.health);
  text.family("policy_generation", "gauge", "The number of policy loads since the start.");
  text.sample("", {}, facts.generation);
  text.family("policies", "info", "The SHA-256 of the contents of all policies.");
  text.sample("_info", {{"identity", facts.policy_identity}}, 1);
  text.family("lost", "counter", "Events and records that were lost.");
  text.sample("_total", {}, facts.lost);
  text.family("answered_late", "counter", "Opens that were answered by [answer] on_deadline.");
  text.sample("_total", {}, facts.answered_late);
  text.family("answered_unseen", "counter", "Opens that were answered by [answer] on_overload.");
  text.sample("_total", {}, facts.answered_unseen);
  text.family("helpers_given_up", "counter",
              "Helper processes that were killed, because they were late or broken.");
  for (const auto& [why, count] : facts.helpers_given_up)
    text.sample("_total", {{"why", why}}, count);
  text.family("helpers_hung", "gauge", "Helper processes that were killed and hang in the kernel.");
  text.sample("", {}, facts.helpers_hung);
}

void put(Text& text, const std::vector<AlertState>& alerts) {
  text.family("alert_starts", "counter", "Starts of the unit of an alert.");
  for (const auto& alert : alerts) text.sample("_total", {{"alert", alert.name}}, alert.starts);
  text.family("alert_held_back", "counter",
              "Incidents that met the condition of an alert and had no start of their own.");
  for (const auto& alert : alerts) text.sample("_total", {{"alert", alert.name}}, alert.held_back);
  text.family("alert_last_start_timestamp", "gauge",
              "When an alert last started its unit, in seconds since 1970; 0 if never.");
  for (const auto& alert : alerts)
    text.sample("", {{"alert", alert.name}}, alert.last_start / 1'000'000);
}

using Counter = std::uint64_t PolicyFacts::*;
void put(Text& text, const std::vector<PolicyFacts>& policies) {
  const auto count = [&](std::string_view name, std::string_view help, Counter counter) {
    text.family(name, "counter", help);
    for (const auto& policy : policies)
      text.sample("_total", {{"policy", policy.name}}, policy.*counter);
  };
  count("violations", "Files that broke a policy.", &PolicyFacts::violations);
  count("fixed", "Files that were fixed.", &PolicyFacts::fixed);
  count("denied", "Operations that were denied.", &PolicyFacts::denied);
  text.family("skipped", "counter", "Files that were left as they are, by reason.");
  for (const auto& policy : policies) {
    for (const auto& [reason, number] : policy.skipped)
      text.sample("_total", {{"policy", policy.name}, {"reason", reason}}, number);
  }
  text.family(
      "beyond_limit", "counter",
      "What went beyond a limit of [limits]: directories that are not watched, changes that "
      "were merged, and records that are not in the audit trail.");
  for (const auto& policy : policies) {
    for (const auto& [limit, number] : policy.beyond_limit)
      text.sample("_total", {{"policy", policy.name}, {"limit", limit}}, number);
  }
  text.family("policy_state", "stateset", "The state of a policy.");
  for (const auto& policy : policies) text.states(kStates, {{"policy", policy.name}}, policy.state);
  text.family("policy_action", "info",
              "The action of a policy, and its effective action on this machine.");
  for (const auto& policy : policies)
    text.sample("_info",
                {{"policy", policy.name},
                 {"wanted", policy.action},
                 {"effective", policy.effective_action}},
                1);
  text.family("policy_paused_until_timestamp", "gauge",
              "When a pause ends, in seconds since 1970; 0 if there is none.");
  for (const auto& policy : policies)
    text.sample("", {{"policy", policy.name}}, policy.paused_until / 1'000'000);
}

std::string text_of(Format format, const Facts& facts, const std::vector<PolicyFacts>& policies) {
  Text text(format);
  put(text, facts);
  put(text, facts.alerts);
  put(text, policies);
  return std::move(text).finish();
}

}  // namespace

std::string open_metrics(const Facts& facts, const std::vector<PolicyFacts>& policies) {
  return text_of(Format::kOpenMetrics, facts, policies);
}

std::string prometheus_text(const Facts& facts, const std::vector<PolicyFacts>& policies) {
  return text_of(Format::kPrometheus, facts, policies);
}

}  // namespace guard::bus
