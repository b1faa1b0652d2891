#include "guardd/who/traced_process.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>

#include "guardd/host/files.h"
#include "guardd/who/labels.h"
#include "policy/base/text.h"

namespace guard {

Snapshot snapshot_of(const TracedProcess& record) {
  Snapshot out;
  out.pid = record.pid;
  out.start = record.start;
  out.parent = record.parent;
  out.parent_start = record.parent_start;
  out.comm = std::string(record.comm, ::strnlen(record.comm, sizeof record.comm));
  out.uid = Uid{record.uid};
  out.euid = Uid{record.euid};
  out.fsuid = Uid{record.fsuid};
  out.gid = Gid{record.fsgid};
  out.egid = Gid{record.egid};
  // Fails safe: groups that do not fit in a record are missing. An allow for such a group does not
  // match, so at worst a permitted change is reported.
  const auto count = std::min<std::size_t>(record.group_count, kRecordedGroups);
  for (std::size_t i = 0; i < count; ++i) out.groups.push_back(Gid{record.groups[i]});
  if (record.has_audit != 0 && record.login != kUnset) out.login = Uid{record.login};
  if (record.has_audit != 0 && record.session != kUnset) out.session = record.session;
  out.tty = record.tty;
  return out;
}

Image image_of(const TracedExec& record) {
  Image image;
  image.exe = path_of(record.exe);
  image.id = InodeId{::gnu_dev_makedev(record.exe_device >> 20, record.exe_device & 0xfffff),
                     record.exe_inode};
  image.is_kernel_id = true;
  const auto size = std::min<std::size_t>(record.arguments_size, sizeof record.arguments);
  const std::string_view arguments(record.arguments, size);
  image.cmdline = command_line(arguments, record.arguments_size);
  if (image.exe && is_trusted(record.exe_uid, record.exe_mode))
    image.labels = labels_of(*image.exe, arguments);
  return image;
}

std::optional<std::string> path_of(const TracedPath& path) {
  if (path.whole == 0 || path.length > sizeof path.names) return std::nullopt;
  if (path.length == 0) return "/";
  std::string out;
  std::string_view rest(path.names, path.length);
  while (!rest.empty()) {  // the last name comes first
    const auto end = rest.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    out.insert(0, "/" + std::string(rest.substr(0, end)));
    rest.remove_prefix(end + 1);
  }
  return out;
}

std::optional<std::string> command_line(std::string_view arguments, std::size_t size) {
  bool more = size > arguments.size() || arguments.size() > kRecordedArguments;
  arguments = arguments.substr(0, kRecordedArguments);
  if (arguments.find_first_not_of('\0') == std::string_view::npos) return std::nullopt;
  if (!more && arguments.ends_with('\0')) arguments.remove_suffix(1);
  // A title that a daemon has given itself is one text with spaces, followed by what is left of its
  // arguments.
  const auto title = arguments.substr(0, arguments.find('\0'));
  const bool is_title = title.find(' ') != std::string_view::npos &&
                        arguments.find_first_not_of('\0', title.size()) == std::string_view::npos;
  if (is_title) return std::string(title) + (more ? "…" : "");
  std::string line;
  for (;;) {
    const auto end = arguments.find('\0');
    line += shell_word(arguments.substr(0, end));
    if (end == std::string_view::npos) break;
    line += ' ';
    arguments.remove_prefix(end + 1);
  }
  // The quotes made it longer.
  more = more || line.size() > kRecordedArguments;
  return line.substr(0, kRecordedArguments) + (more ? "…" : "");
}

}  // namespace guard
