#include "guardd/publish/json_publisher.h"

#include <exception>

#include "guardd/publish/advice.h"
#include "guardd/publish/news_fields.h"

namespace guard {

template <typename Write>
void JsonPublisher::put(std::string_view type, Write write) noexcept {
  if (loses_next_ && loses_next_()) return;
  try {
    JsonLine line(type, charset_);
    write(line);
    sink_(std::move(line).finish());
  } catch (const std::exception&) {  // out of memory
    ++lost_;
  }
}

void JsonPublisher::violation(const Violation& violation, const Incident& /*incident*/) noexcept {
  put("violation", [&](JsonLine& line) { put_fields(line, violation, FieldSet().set()); });
}

void JsonPublisher::incident(const Incident& incident, std::string_view state) noexcept {
  put("incident", [&](JsonLine& line) {
    put_fields(line, incident, state);
    line.texts("sample", incident.sample);
    line.begin("totals");
    for (std::size_t i = 0; i < incident.by_outcome.size(); ++i)
      line.number(Words<Outcome>::kAll[i], incident.by_outcome[i]);
    line.end();
    line.ancestor("command", incident.command);
    line.commands("commands", incident.commands);
    if (const auto advice = advice_for(incident).text(); !advice.empty())
      line.text("instead", advice);
    put_fields(line, incident.first, incident.shared);
  });
}

void JsonPublisher::incident_opened(const Incident& opened) noexcept {
  incident(opened, "opened");
}

void JsonPublisher::incident_closed(const Incident& closed) noexcept {
  incident(closed, "closed");
}

void JsonPublisher::news(News news) noexcept {
  const auto put_one = [this](const auto* one) {
    put(one->type(), [&](JsonLine& line) {
      put_about(line, clock_(), machine_);
      put_fields(line, *one);
    });
  };
  std::visit(put_one, news);
}

void JsonPublisher::put_about(JsonLine& line, TimePoint time, const MachineIds& machine) {
  line.time("time", time);
  const auto text = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) line.text(name, value);
  };
  text("boot_id", machine.boot_id);
  text("host", machine.host);
  text("machine_id", machine.id);
}

std::string JsonPublisher::loss_line(std::uint64_t lost, TimePoint now, const MachineIds& machine) {
  JsonLine line("health");
  put_about(line, now, machine);
  line.text("health", word(Health::kDegraded));
  line.text("health_reason",
            std::to_string(lost) + " records were lost because this log was not read fast enough");
  line.number("lost_records", lost);
  return std::move(line).finish();
}

}  // namespace guard
