#include "guardd/ctl/screen/terminal.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "guardd/host/command_line.h"
#include "guardd/host/write_all.h"
#include "policy/base/handle.h"

namespace guard::ctl {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value ? value : "";
}

// Pipes the text to the pager and waits until it ends. Returns false if it could not be started.
bool page(const std::string& text) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return false;
  Fd from(ends[0]);
  Fd to(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, from.get(), STDIN_FILENO);
  // Keep colours, quit if the text fits, and give no shell to a user who runs this with sudo.
  ::setenv("LESS", "FRSX", 0);     // NOLINT(concurrency-mt-unsafe)
  ::setenv("LESSSECURE", "1", 1);  // NOLINT(concurrency-mt-unsafe)
  std::string command(environment("PAGER").empty() ? "less" : environment("PAGER"));
  std::string shell = "sh";
  std::string flag = "-c";
  std::array<char*, 4> arguments{shell.data(), flag.data(), command.data(), nullptr};
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, "/bin/sh", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  from.reset();
  if (code != 0) return false;
  (void)write_all(to.get(), text);  // the pager may stop reading early
  to.reset();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return !WIFEXITED(status) || WEXITSTATUS(status) != 127;
}

}  // namespace

std::size_t screen_rows() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 0;
}

Terminal Terminal::detect(bool pager) {
  // A pager that ends early must not end guardctl.
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail for SIGPIPE
  Terminal terminal;
  terminal.is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
  terminal.colours_ = Colours::detect(STDOUT_FILENO);
  terminal.pager_ = pager && terminal.is_terminal_ && environment("TERM") != "dumb" &&
                    environment("PAGER") != "cat";
  return terminal;
}

bool Terminal::show(const std::string& text) const {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const auto rows = screen_rows();
  if (pager_ && rows > 0 && lines >= rows && page(text)) return true;
  return print("guardctl", text);
}

namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::size_t widest_line(std::string_view text) {
  std::size_t widest = 0;
  for (const auto line : lines_of(text)) widest = std::max(widest, columns_of(line));
  return widest;
}

}  // namespace

std::string Table::text(const Terminal& terminal) const {
  constexpr std::size_t kGap = 2;
  constexpr std::size_t kBelow = 4;
  const auto last = headings_.size() - 1;
  std::vector<std::vector<Cell>> rows(1);
  for (const auto& heading : headings_) rows.front().push_back({heading, Tone::kStrong});
  rows.insert(rows.end(), rows_.begin(), rows_.end());

  std::vector<std::size_t> widths(headings_.size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i <= last; ++i)
      widths[i] = std::max(widths[i], widest_line(row[i].text));
  std::size_t before_last = 0;
  for (std::size_t i = 0; i < last; ++i) before_last += widths[i] + kGap;
  const bool below = last_ == Last::kBelowIfWide && before_last + widths[last] > kWidth;

  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto& row = rows[r];
    for (std::size_t i = 0; i < last; ++i) {
      out += terminal.paint(row[i].tone, row[i].text);
      if (!below || i + 1 < last) out.append(widths[i] - columns_of(row[i].text) + kGap, ' ');
    }
    bool first = !below || row[last].text.empty();  // an empty cell needs no line
    for (const auto line : lines_of(row[last].text)) {
      if (!first) out += '\n' + std::string(below ? kBelow : before_last, ' ');
      first = false;
      out += terminal.paint(row[last].tone, line);
    }
    out += '\n';
  }
  return out;
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + ' ' + std::string(count == 1 ? one : many);
}

}  // namespace guard::ctl
