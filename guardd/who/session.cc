#include "guardd/who/session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::size_t kLargest = 4096;
constexpr std::size_t kLongestId = 64;

bool is_session_id(std::string_view id) {
  return !id.empty() && id.size() <= kLongestId && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

std::string_view element(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto first = path.substr(0, path.find('/'));
  path.remove_prefix(first.size());
  return first;
}

// The value of a line "KEY=VALUE", which newer versions quote.
std::string_view value_of(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    auto line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
    line.remove_prefix(key.size() + 1);
    if (line.size() >= 2 && line.front() == '"' && line.back() == '"')
      line = line.substr(1, line.size() - 2);
    return line;
  }
  return {};
}

Session read_session(std::string id, std::string_view text) {
  Session session;
  session.id = std::move(id);
  session.user = value_of(text, "USER");
  if (const auto uid = parse_number(value_of(text, "UID"))) session.uid = Uid{*uid};
  session.kind = value_of(text, "CLASS");
  session.service = value_of(text, "SERVICE");
  session.tty = value_of(text, "TTY");
  session.remote_host = value_of(text, "REMOTE_HOST");
  return session;
}

}  // namespace

std::string_view session_in(std::string_view cgroup) {
  if (element(cgroup) != "user.slice") return {};
  const auto slice = element(cgroup);
  if (!slice.starts_with("user-") || !slice.ends_with(".slice")) return {};
  auto scope = element(cgroup);
  constexpr std::string_view kStart = "session-";
  constexpr std::string_view kEnd = ".scope";
  if (!scope.starts_with(kStart) || !scope.ends_with(kEnd)) return {};
  scope.remove_prefix(kStart.size());
  scope.remove_suffix(kEnd.size());
  return is_session_id(scope) ? scope : std::string_view();
}

std::optional<Session> Sessions::find(std::string_view cgroup,
                                      std::optional<std::uint32_t> audit) const {
  std::string id(session_in(cgroup));
  if (!id.empty()) {
    const auto text = contents(id);
    if (!text || value_of(*text, "SCOPE") != "session-" + id + ".scope") return std::nullopt;
    return read_session(std::move(id), *text);
  }
  // logind names a session after the audit session, unless the name is in use.
  if (!audit) return std::nullopt;
  id = std::to_string(*audit);
  const auto text = contents(id);
  if (!text || value_of(*text, "AUDIT") != id) return std::nullopt;
  return read_session(std::move(id), *text);
}

std::optional<std::string> Sessions::contents(const std::string& id) const {
  const auto path = directory_ + "/" + id;
  const Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0) return std::nullopt;
  if (!S_ISREG(facts.st_mode) || facts.st_uid != owner_.value || (facts.st_mode & 022U) != 0 ||
      facts.st_size > static_cast<off_t>(kLargest))
    return std::nullopt;
  std::string text(kLargest, '\0');
  const auto size = ::read(file.get(), text.data(), text.size());
  if (size <= 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace guard
