#include "guardd/ctl/terminal.h"

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

#include "guardd/host/usage.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value ? value : "";
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    text.remove_prefix(decode_utf8(text).length);
    ++columns;
  }
  return columns;
}

// As much of it as the pager wants to see.
void feed(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

std::size_t screen_rows() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 0;
}

// Feeds the text to the pager and waits for it to end. False if it could not be started.
bool page(const std::string& text) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return false;
  Fd from(ends[0]);
  Fd to(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, from.get(), STDIN_FILENO);
  // Colours through, quit if it fits, and no shell for whoever pages with another's rights.
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
  feed(to.get(), text);
  to.reset();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return !WIFEXITED(status) || WEXITSTATUS(status) != 127;
}

}  // namespace

Terminal Terminal::detect(bool pager) {
  // A pager that ends early must not end us.
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail for SIGPIPE
  Terminal terminal;
  terminal.is_terminal_ = ::isatty(STDOUT_FILENO) == 1;
  terminal.colour_ =
      terminal.is_terminal_ && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  terminal.pager_ = pager && terminal.is_terminal_ && environment("TERM") != "dumb" &&
                    environment("PAGER") != "cat";
  return terminal;
}

std::string Terminal::paint(Tone tone, std::string_view text) const {
  constexpr std::array<std::string_view, 6> kCodes{"", "1", "2", "32", "33", "31"};
  const auto code = kCodes[static_cast<std::size_t>(tone)];
  if (!colour_ || code.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

bool Terminal::show(const std::string& text) const {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const auto rows = screen_rows();
  if (pager_ && rows > 0 && lines >= rows && page(text)) return true;
  return print("guardctl", text);
}

std::string Table::text(const Terminal& terminal, std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const auto& heading : headings_) widths.push_back(columns_of(heading));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(row[i].text));

  std::string out;
  const auto line = [&](const std::vector<Cell>& row) {
    out += indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += terminal.paint(row[i].tone, row[i].text);
      if (i + 1 < row.size()) out.append(widths[i] - columns_of(row[i].text) + 2, ' ');
    }
    out += '\n';
  };
  std::vector<Cell> headings;
  for (const auto& heading : headings_) headings.push_back({heading, Tone::kStrong});
  line(headings);
  for (const auto& row : rows_) line(row);
  return out;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t before) {
  constexpr std::size_t kWidth = 80;
  std::string out;
  std::size_t column = before;
  bool first_word = true;
  while (!text.empty()) {
    const auto word = text.substr(0, std::min(text.find(' '), text.size()));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const auto length = columns_of(word);
    if (!first_word && column + 1 + length > kWidth) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (!first_word) {
      out += ' ';
      ++column;
    }
    first_word = false;
    out += word;
    column += length;
  }
  return out;
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + ' ' + std::string(count == 1 ? one : many);
}

}  // namespace guard::ctl
