#include "guardd/base/config.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <functional>
#include <map>
#include <utility>

#include "policy/base/text.h"
#include "policy/load/policy_files.h"
#include "policy/load/table_reader.h"
#include "policy/load/tree_paths.h"

namespace guard {
namespace {

template <typename T>
void set(T& target, const Optional<T>& given) {
  if (given) target = given->value;
}

// "off" or a duration.
void set_unless_off(Duration& target, const Optional<std::string>& given,
                    Diagnostics& diagnostics) {
  if (!given) return;
  if (given->value == "off") {
    target = Duration(0);
    return;
  }
  auto parsed = parse_duration(given->value);
  if (parsed) {
    target = *parsed;
  } else {
    diagnostics.error(given->place, "every = " + quote(given->value) + ": " +
                                        parsed.error().text() + "; or \"off\"");
  }
}

// "1G": a number and K, M, G or T, in steps of 1024.
void set_size(std::uint64_t& target, const Optional<std::string>& given, Diagnostics& diagnostics,
              std::string_view key = "max_size") {
  if (!given) return;
  constexpr std::string_view kUnits = "KMGT";
  const auto& text = given->value;
  const auto unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
  const bool digits =
      text.size() > 1 && text.size() <= 8 &&
      std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  if (unit == std::string_view::npos || !digits) {
    diagnostics.error(given->place, std::string(key) + " = " + quote(text) +
                                        " is not a size; write, for example, \"1G\" (K, M, G, T)");
    return;
  }
  target = std::stoull(text.substr(0, text.size() - 1)) << (10U * (unit + 1));
}

// An empty path, or an absolute one that is good; `why_not` says what is good, with an example.
void set_path(std::string& target, const Optional<std::string>& given, std::string_view key,
              bool (*is_good)(std::string_view normal), std::string_view why_not,
              Diagnostics& diagnostics) {
  if (!given) return;
  const auto normal = normal_tree_path(given->value);
  if (given->value.empty())
    target.clear();
  else if (normal && is_good(*normal))
    target = *normal;
  else
    diagnostics.error(given->place,
                      std::string(key).append(" = ").append(quote(given->value)).append(why_not));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_name(std::string_view text) {
  const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 100 && is_first(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_first(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_template(std::string_view text) {
  constexpr std::string_view kEnd = "@.service";
  const auto is_good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(":-_.\\").find(c) != std::string_view::npos;
  };
  return text.size() > kEnd.size() && text.size() <= 100 && text.ends_with(kEnd) &&
         std::all_of(text.begin(), text.end() - kEnd.size(), is_good);
}

class ConfigReader {
 public:
  ConfigReader(std::string_view text, const toml::table& document, std::uint32_t file,
               Diagnostics& diagnostics)
      : text_(text), document_(document), file_(file), diagnostics_(diagnostics) {}

  Config read() {
    Config config;
    TableReader top(document_, "", file_, diagnostics_);
    set(config.backend, top.choice<BackendChoice>("backend"));
    set(config.tracer, top.choice<TracerChoice>("tracer"));
    section(top, "answer", [&](TableReader& reader) {
      set(config.answer.deadline, reader.duration("deadline"));
      set(config.answer.on_deadline, reader.choice<Answer>("on_deadline"));
      set(config.answer.on_overload, reader.choice<Answer>("on_overload"));
      set(config.answer.unknown_intent, reader.choice<UnknownIntent>("unknown_intent"));
      set(config.answer.threads, reader.count("threads", 1, 4));
    });
    section(top, "lsm", [&](TableReader& reader) {
      set_path(
          config.lsm.pin, reader.text("pin"), "pin",
          [](std::string_view normal) { return !normal.empty(); },
          " is not an absolute directory; write, for example, \"/sys/fs/bpf/guardd\"",
          diagnostics_);
    });
    section(top, "scan", [&](TableReader& reader) {
      set(config.scan.threads, reader.count("threads", 1, 64));
      set_unless_off(config.scan.every, reader.text("every"), diagnostics_);
    });
    section(top, "audit", [&](TableReader& reader) {
      const auto path = reader.text("path");
      set_path(
          config.audit.path, path, "path", [](std::string_view /*normal*/) { return true; },
          " is not an absolute path; write, for example, \"/var/lib/guardd/audit.db\"",
          diagnostics_);
      // A directory, even if it does not exist yet.
      if (path && path->value.ends_with('/')) config.audit.path += '/';
      set(config.audit.retention, reader.duration("retention"));
      set_size(config.audit.max_size, reader.text("max_size"), diagnostics_);
    });
    section(top, "journal", [&](TableReader& reader) {
      set(config.journal.sample, reader.count("sample", 0, 1000));
      set(config.journal.min_severity, reader.choice<Severity>("min_severity"));
      set(config.journal.rate, reader.count("rate", 1, 1'000'000));
    });
    section(top, "incident",
            [&](TableReader& reader) { set(config.incident.quiet, reader.duration("quiet")); });
    section(top, "metrics", [&](TableReader& reader) {
      set_path(
          config.metrics.textfile, reader.text("textfile"), "textfile",
          [](std::string_view normal) { return normal.ends_with(".prom"); },
          " is not an absolute path that ends with .prom; write, for example, "
          "\"/var/lib/prometheus/node-exporter/guardd.prom\"",
          diagnostics_);
    });
    section(top, "limits", [&](TableReader& reader) {
      auto& limits = config.limits;
      set(limits.directories, reader.count("directories", 1, 100'000'000));
      set(limits.pending, reader.count("pending", 100, 1'000'000));
      set(limits.queues, reader.count("queues", 1, 100));
      set(limits.audit_rows, reader.count("audit_rows", 1, 100'000'000));
      if (const auto size = reader.text("audit_size"); size && size->value.empty())
        limits.audit_size = 0;
      else
        set_size(limits.audit_size, size, diagnostics_, "audit_size");
    });
    config.alerts = alerts(top);
    top.finish();
    return config;
  }

 private:
  std::vector<AlertSettings> alerts(TableReader& top) {
    std::vector<AlertSettings> alerts;
    std::map<std::string, Place> places;
    for (const auto* table : top.tables("alert")) {
      TableReader reader(*table, "[[alert]]", file_, diagnostics_);
      AlertSettings alert;
      reader.require("name", "name = \"skipped\"");
      reader.require("when", "when = \"outcome == skipped\"");
      if (const auto name = reader.text("name")) {
        alert.name = name->value;
        const auto [same, is_new] = places.emplace(name->value, name->place);
        if (!is_name(name->value))
          diagnostics_.error(name->place, "name = " + quote(name->value) +
                                              " is not valid; use lower-case letters, digits, "
                                              "\".\", \"_\" and \"-\"");
        else if (!is_new)
          diagnostics_.error(name->place, "there is another alert " + quote(name->value) + " in " +
                                              diagnostics_.where(same->second));
      }
      if (const auto when = reader.text("when")) alert.when = condition(*when);
      if (const auto unit = reader.text("unit")) {
        alert.unit = unit->value;
        if (!is_template(unit->value))
          diagnostics_.error(unit->place,
                             "unit = " + quote(unit->value) +
                                 " is not a template of a service; write, for example, "
                                 "\"guardd-alert-wall@.service\"");
      }
      if (const auto every = reader.duration("every")) {
        alert.every = every->value;
        if (every->value < std::chrono::seconds(1))
          diagnostics_.error(every->place, "every must be at least \"1s\"");
      }
      reader.finish();
      alerts.push_back(std::move(alert));
    }
    if (alerts.size() > kMostAlerts) {
      diagnostics_.error(places.rbegin()->second,
                         "there are more than " + std::to_string(kMostAlerts) + " alerts");
    }
    return alerts;
  }

  AlertCondition condition(const Setting<std::string>& when) {
    std::optional<ConditionError> error;
    auto condition = parse_condition(when.value, error);
    if (error) {
      auto place = when.place;
      if (is_written_at(place, when.value))
        place.column += 1 + static_cast<std::uint32_t>(error->offset);
      diagnostics_.error(place, "when: " + error->message);
    }
    return condition;
  }

  // Whether the file has exactly this text, in quotes, at the place. Otherwise the text was written
  // with escapes or on several lines, and a place within it is not known.
  bool is_written_at(Place place, std::string_view value) const {
    std::size_t begin = 0;
    for (auto line = place.line; line > 1; --line) {
      const auto end = text_.find('\n', begin);
      if (end == std::string_view::npos) return false;
      begin = end + 1;
    }
    const auto rest = text_.substr(begin);
    const auto line = rest.substr(0, rest.find('\n'));
    // Columns are characters, and places before the value could have longer ones.
    return place.column < line.size() && line.substr(place.column).starts_with(value) &&
           is_ascii(line);
  }

  void section(TableReader& top, std::string_view name,
               const std::function<void(TableReader&)>& read) {
    const auto* table = top.table(name);
    if (!table) return;
    const auto title = "[" + std::string(name) + "]";
    TableReader reader(*table, title, file_, diagnostics_);
    read(reader);
    reader.finish();
  }

  std::string_view text_;
  const toml::table& document_;
  std::uint32_t file_;
  Diagnostics& diagnostics_;
};

}  // namespace

Config read_config(std::string_view text, std::uint32_t file, Diagnostics& diagnostics) {
  try {
    const auto document = toml::parse(text);
    return ConfigReader(text, document, file, diagnostics).read();
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    diagnostics.error({file, std::max(at.line, 1U), std::max(at.column, 1U)},
                      "this is not valid TOML: " + std::string(error.description()));
  }
  return {};
}

std::optional<Config> load_config(const std::string& named, Diagnostics& diagnostics,
                                  std::optional<FileText>* read_text) {
  const auto path = named.empty() ? std::string(kConfigFile) : named;
  if (named.empty() && ::access(path.c_str(), F_OK) < 0 && errno == ENOENT) return Config();
  const auto file = diagnostics.add_file(path);
  const auto read = read_policy_file(path, Uid{::geteuid()});
  if (!read) {
    diagnostics.error({file, 1, 1}, read.error().text());
    return std::nullopt;
  }
  auto config = read_config(read->text, file, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  if (read_text) *read_text = {path, read->text};
  return config;
}

}  // namespace guard
