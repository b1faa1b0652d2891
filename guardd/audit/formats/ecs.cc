#include <array>
#include <vector>

#include "guardd/audit/formats/field_text.h"

namespace guard {
namespace {

constexpr std::size_t kLongest = 4096;
constexpr const char* kVersion = "8.11.0";

// An object from names with dots. Names with the same beginning must follow each other.
class NestedJson {
 public:
  void text(std::string_view path, std::string_view value) {
    if (!value.empty()) put(path, quoted(value));
  }
  void number(std::string_view path, std::uint64_t value) { put(path, std::to_string(value)); }
  void texts(std::string_view path, std::initializer_list<std::string_view> values) {
    std::string list;
    for (const auto value : values)
      if (!value.empty()) list += (list.empty() ? "" : ",") + quoted(value);
    if (!list.empty()) put(path, '[' + list + ']');
  }
  std::string finish() {
    close_to(0);
    return '{' + text_ + '}';
  }

 private:
  // The value is printable UTF-8.
  static std::string quoted(std::string_view value) {
    std::string text = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    return text + '"';
  }

  void put(std::string_view path, const std::string& value) {
    std::vector<std::string_view> names;
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
      names.push_back(path.substr(0, dot));
      path.remove_prefix(dot + 1);
    }
    std::size_t same = 0;
    while (same < names.size() && same < open_.size() && names[same] == open_[same]) ++same;
    close_to(same);
    for (; same < names.size(); ++same) {
      key(names[same]);
      text_ += '{';
      open_.emplace_back(names[same]);
    }
    key(path);
    text_ += value;
  }
  void close_to(std::size_t depth) {
    for (; open_.size() > depth; open_.pop_back()) text_ += '}';
  }
  void key(std::string_view name) {
    if (!text_.empty() && text_.back() != '{') text_ += ',';
    text_ += quoted(name) + ':';
  }

  std::string text_;
  std::vector<std::string> open_;
};

struct Name {
  std::string_view ecs;
  std::string_view field;
  bool is_number = false;
};

// In ECS, ids are keywords, and so is an inode.
constexpr std::array kNames{
    Name{"file.path", "path"},
    Name{"file.inode", "inode"},
    Name{"file.device", "device"},
    Name{"file.uid", "uid_before"},
    Name{"file.gid", "gid_before"},
    Name{"file.mode", "mode_before"},
    Name{"process.pid", "pid", true},
    Name{"process.name", "comm"},
    Name{"process.executable", "exe"},
    Name{"process.command_line", "cmdline"},
    Name{"process.working_directory", "cwd"},
    Name{"process.thread.id", "tid", true},
    Name{"process.parent.pid", "ppid", true},
    Name{"user.id", "uid"},
    Name{"user.effective.id", "euid"},
    Name{"group.id", "gid"},
    Name{"container.id", "container"},
    Name{"container.runtime", "container_runtime"},
    Name{"source.address", "session_remote_host"},
    Name{"rule.name", "policy"},
    Name{"rule.category", "category"},
};

std::string_view type_of(FileType type) {
  switch (type) {
    case FileType::kRegular:
      return "file";
    case FileType::kDirectory:
      return "dir";
    case FileType::kSymlink:
      return "symlink";
    default:
      return {};
  }
}

// One of the types that ECS has for files.
std::string_view event_type(Operation operation) {
  switch (operation) {
    case Operation::kCreate:
    case Operation::kMkdir:
    case Operation::kMknod:
    case Operation::kSymlink:
    case Operation::kLink:
      return "creation";
    case Operation::kUnlink:
    case Operation::kRmdir:
      return "deletion";
    case Operation::kRead:
      return "access";
    case Operation::kScan:
      return "info";
    default:
      return "change";
  }
}

void put_event(NestedJson& json, const Violation& violation) {
  const bool is_denied = violation.action == Outcome::kDenied;
  json.text("event.kind", "event");
  json.texts("event.category", {"file"});
  json.texts("event.type", {event_type(violation.operation), is_denied ? "denied" : ""});
  json.text("event.action", word(violation.operation));
  json.text("event.outcome", is_denied ? "failure" : "success");
  json.number("event.severity", static_cast<std::uint64_t>(violation.severity));
  json.text("event.id", field_text(violation, "id", kLongest));
  json.text("event.reason", field_text(violation, "reason", kLongest));
  json.text("event.module", "guardd");
  json.text("event.dataset", "guardd.violation");
  json.text("event.provider", "guardd");
}

}  // namespace

std::string ecs_line(const Violation& violation, const FormatContext& context) {
  NestedJson json;
  json.text("@timestamp", rfc3339(violation.time));
  json.text("ecs.version", kVersion);
  json.text("message", sentence_about(violation, kLongest));
  put_event(json, violation);
  json.text("host.name", host_of(violation, context));
  json.text("host.id", field_text(violation, "machine_id", kLongest));
  json.text("host.boot.id", field_text(violation, "boot_id", kLongest));
  json.text("agent.type", "guardd");
  json.text("agent.version", context.version);
  json.text("file.type", type_of(violation.file_type));
  for (const auto& [name, field, is_number] : kNames) {
    const auto text = field_text(violation, field, kLongest);
    if (is_number && !text.empty())
      json.number(name, std::stoull(text));
    else
      json.text(name, text);
  }
  const auto login = field_text(violation, "login_user", kLongest);
  const auto human = field_text(violation, "human", kLongest);
  json.texts("related.user", {login, human == login ? std::string_view() : human});
  for (const auto& field : kFields)
    json.text("guardd." + std::string(field.name), field_text(field.value(violation), kLongest));
  return json.finish() + '\n';
}

}  // namespace guard
