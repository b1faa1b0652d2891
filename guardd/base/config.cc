#include "guardd/base/config.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>

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

class ConfigReader {
 public:
  ConfigReader(const toml::table& document, std::uint32_t file, Diagnostics& diagnostics)
      : document_(document), file_(file), diagnostics_(diagnostics) {}

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
    top.finish();
    return config;
  }

 private:
  void section(TableReader& top, std::string_view name,
               const std::function<void(TableReader&)>& read) {
    const auto* table = top.table(name);
    if (!table) return;
    const auto title = "[" + std::string(name) + "]";
    TableReader reader(*table, title, file_, diagnostics_);
    read(reader);
    reader.finish();
  }

  const toml::table& document_;
  std::uint32_t file_;
  Diagnostics& diagnostics_;
};

}  // namespace

Config read_config(std::string_view text, std::uint32_t file, Diagnostics& diagnostics) {
  try {
    const auto document = toml::parse(text);
    return ConfigReader(document, file, diagnostics).read();
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
