// What callers on the bus and people at a prompt write: filters, in messages of any types, times
// and severities as text, and records that are written and read again. Input: numbered texts.
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "dbus/client/value_reader.h"
#include "dbus/handles.h"
#include "dbus/service/filter.h"
#include "dbus/service/records.h"
#include "guardd/ctl/ask/moment.h"
#include "guardd/publish/json_line.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/require.h"

namespace {

using guard::fuzz::Input;
using guard::fuzz::require;
namespace bus = guard::bus;

// A connection that leads to nobody: messages can only be made for one.
sd_bus* nobody() {
  static const bus::Bus connection = [] {
    std::array<int, 2> ends{};
    sd_bus* made = nullptr;
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0 &&
                sd_bus_new(&made) >= 0 && sd_bus_set_fd(made, ends[0], ends[0]) >= 0 &&
                sd_bus_start(made) >= 0,
            "no connection");
    return bus::Bus(made);
  }();
  return connection.get();
}

bus::Message new_message() {
  sd_bus_message* made = nullptr;
  require(sd_bus_message_new_method_call(nobody(), &made, "org.guardd.Guard1", "/org/guardd/Guard1",
                                         "org.guardd.Guard1.Manager", "ListIncidents") >= 0,
          "no message");
  return bus::Message(made);
}

void seal(const bus::Message& message) {
  require(
      sd_bus_message_seal(message.get(), 1, 0) >= 0 && sd_bus_message_rewind(message.get(), 1) >= 0,
      "not sealed");
}

constexpr std::array<const char*, 11> kKeys{"since",    "until",    "policy", "login",
                                            "path",     "severity", "limit",  "command",
                                            "incident", "",         "limits"};

// A value of any type: those that guardd reads, and others.
void append_value(bus::Writer& writer, sd_bus_message* message, Input& input, int depth) {
  const auto number = [&](const char* type, auto value) {
    writer.open('v', type);
    (void)sd_bus_message_append_basic(message, type[0], &value);
    writer.close();
  };
  switch (input.number<std::uint8_t>() % 8) {
    case 0:
      return number("t", input.number<std::uint64_t>());
    case 1:
      return number("u", input.number<std::uint32_t>());
    case 2:
      return number("x", input.number<std::int64_t>());
    case 3:
      return number("d", input.number<double>());
    case 4:
      writer.open('v', "ay");
      writer.bytes(input.text());
      return writer.close();
    case 5:
      if (depth > 8) break;
      writer.open('v', "v");
      append_value(writer, message, input, depth + 1);
      return writer.close();
    case 6:
      writer.open('v', "a{sv}");
      { const bus::RecordWriter empty(writer); }
      return writer.close();
    default:
      break;
  }
  writer.open('v', "s");
  writer.text(input.text());
  writer.close();
}

bus::Message filter_message(Input& input) {
  auto message = new_message();
  bus::Writer writer(message.get());
  writer.open('a', "{sv}");
  for (auto entries = input.number<std::uint8_t>() % 8; entries > 0; --entries) {
    writer.open('e', "sv");
    const auto key = input.number<std::uint8_t>();
    writer.text(key < 0x80 ? std::string_view(kKeys.at(key % kKeys.size())) : input.text());
    append_value(writer, message.get(), input, 0);
    writer.close();
  }
  writer.close();
  require(writer.code() == 0, "not written");
  seal(message);
  return message;
}

void check_filter(Input& input) {
  const auto message = filter_message(input);
  const auto filter = bus::read_filter(message.get(), 100);
  const auto& asked = filter.asked;
  require(bus::is_bus_text(filter.error), "not an error", filter.error);
  require(guard::printable(filter.error) == filter.error, "not harmless", filter.error);
  require(asked.limit <= 1000, "a limit above the highest");
  for (const auto* text : {&asked.policy, &asked.login, &asked.path, &asked.command})
    require(text->size() <= 4096, "a long text", *text);
  for (const auto& time : {asked.since, asked.until})
    if (time) (void)guard::rfc3339(*time);
  require(sd_bus_message_rewind(message.get(), 1) >= 0, "not rewound");
  require(static_cast<bool>(bus::read_as<bus::Map>(message.get())), "a client cannot read it");
}

void check_moment(const std::string& text) {
  const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'183'387));
  const auto moment = guard::ctl::parse_moment(text, now);
  if (!moment) return;
  require(moment->time_since_epoch().count() >= 0, "before 1970", text);
  const auto again = guard::ctl::parse_moment(guard::ctl::format_moment(*moment), now);
  // Without the parts of a second. Local time has an hour twice.
  require(again && *moment - *again < std::chrono::hours(2), "another time", text);
}

guard::Violation record_of(Input& input) {
  guard::Violation violation;
  violation.id = "0123456789";
  violation.path = "/" + std::string(input.text());
  violation.policy = input.text();
  violation.old_path = std::string(input.text());
  violation.before = guard::Ownership{guard::Uid{input.number<std::uint32_t>()}, guard::Gid{},
                                      guard::Mode{input.number<std::uint16_t>()}};
  violation.time =
      std::chrono::system_clock::time_point(std::chrono::nanoseconds(input.number<std::int64_t>()));
  auto& actor = violation.actor.edit();
  actor.pid = input.number<std::int32_t>() & INT32_MAX;
  actor.cmdline = std::string(input.text());
  actor.comm = std::string(input.text());
  actor.lineage.resize(input.number<std::uint8_t>() % 12);
  for (auto& ancestor : actor.lineage) {
    ancestor.comm = input.text();
    ancestor.exe = input.text();
    ancestor.cmdline = input.text();
  }
  return violation;
}

void check_json(const guard::Violation& violation) {
  guard::JsonLine line("violation");
  guard::each_field(violation, guard::FieldSet().set(),
                    [&](std::string_view name, const auto& value) { line.field(name, value); });
  const auto text = std::move(line).finish();
  const auto json = nlohmann::json::parse(text, nullptr, false);
  require(!json.is_discarded() && text.find('\n') == text.size() - 1, "not a line of JSON", text);
  std::string path;
  if (json.contains("path_raw"))
    for (const auto& byte : json["path_raw"]) path += static_cast<char>(byte.get<int>());
  else
    path = json["path"].get<std::string>();
  require(path == violation.path, "another path", text);
}

void check_bus(const guard::Violation& violation) {
  const auto message = new_message();
  bus::Writer writer(message.get());
  bus::write(writer, violation, bus::Audience::kTrusted, 0);
  require(writer.code() == 0, "not written", violation.path);
  seal(message);
  const auto map = bus::read_as<bus::Map>(message.get());
  require(static_cast<bool>(map), "not read", violation.path);
  const auto* raw = bus::find<bus::Bytes>(*map, "path_raw");
  const auto* text = bus::find<std::string>(*map, "path");
  require(text != nullptr, "no path", violation.path);
  require((raw ? std::string(raw->begin(), raw->end()) : *text) == violation.path, "another path",
          violation.path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  switch (input.number<std::uint8_t>() % 3) {
    case 0:
      check_filter(input);
      break;
    case 1:
      check_moment(std::string(input.rest()));
      break;
    default: {
      const auto violation = record_of(input);
      check_json(violation);
      check_bus(violation);
    }
  }
  return 0;
}
