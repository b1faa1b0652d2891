#include "guardd/ctl/containers/http.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard::containers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kLineEnd = "\r\n";

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the next line, without its end. None: there is no whole line.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find(kLineEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + kLineEnd.size());
  return line;
}

Error incomplete() {
  return Error("the answer is incomplete", EPROTO);
}

// Chunks: a size in hexadecimal, a line end, the bytes, a line end. The last one has no bytes.
Result<std::string> joined_chunks(std::string_view text) {
  std::string body;
  for (;;) {
    const auto line = take_line(text);
    if (!line) return incomplete();
    const auto size = parse_number<std::uint64_t>(trimmed(line->substr(0, line->find(';'))), 16);
    if (!size || *size > kLongestAnswer) return Error("a chunk has no valid size", EPROTO);
    if (*size == 0) return body;
    if (text.size() < *size + kLineEnd.size()) return incomplete();
    body.append(text.substr(0, *size));
    text.remove_prefix(*size);
    if (!text.starts_with(kLineEnd)) return Error("a chunk has no end", EPROTO);
    text.remove_prefix(kLineEnd.size());
  }
}

// False: the time is over.
bool is_ready(const Fd& socket, short events, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{socket.get(), events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// A server with a full queue rejects connections for a moment.
Status connect_to(const Fd& socket, const std::string& path, Clock::time_point end) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error::from_errno(ENAMETOOLONG, quote(path));
  std::memcpy(&address.sun_path[0], path.c_str(), path.size());
  for (;;) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as connect() takes it
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return {};
    if (errno != EAGAIN && errno != EINTR) return Error::from_errno(errno, quote(path));
    if (Clock::now() >= end) return Error::from_errno(ETIMEDOUT, quote(path));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Status send_all(const Fd& socket, std::string_view text, Clock::time_point end) {
  while (!text.empty()) {
    const auto sent = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Error::from_errno(errno, "send");
    if (!is_ready(socket, POLLOUT, end)) return Error::from_errno(ETIMEDOUT, "send");
  }
  return {};
}

Result<std::string> receive_all(const Fd& socket, Clock::time_point end) {
  std::string text;
  std::array<char, 65536> piece{};
  for (;;) {
    if (!is_ready(socket, POLLIN, end)) return Error::from_errno(ETIMEDOUT, "receive");
    const auto got = ::recv(socket.get(), piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return Error::from_errno(errno, "receive");
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kLongestAnswer) return Error::from_errno(EFBIG, "receive");
  }
}

}  // namespace

Result<HttpAnswer> parse_answer(std::string_view text) {
  HttpAnswer answer;
  const auto first = take_line(text);
  if (!first) return incomplete();
  if (!first->starts_with("HTTP/1.")) return Error("the answer is not HTTP", EPROTO);
  const auto words = first->substr(std::min(first->find(' '), first->size()));
  const auto status = parse_number<int>(trimmed(words).substr(0, 3));
  if (!status) return Error("the answer has no status", EPROTO);
  answer.status = *status;
  bool is_chunked = false;
  std::optional<std::uint64_t> length;
  for (;;) {
    const auto line = take_line(text);
    if (!line) return incomplete();
    if (line->empty()) break;
    const auto colon = line->find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = trimmed(line->substr(0, colon));
    const auto value = trimmed(line->substr(colon + 1));
    if (equals_ignoring_case(name, "Transfer-Encoding"))
      is_chunked = equals_ignoring_case(value, "chunked");
    if (equals_ignoring_case(name, "Content-Length")) length = parse_number<std::uint64_t>(value);
  }
  if (is_chunked) {
    GUARD_TRY(answer.body, joined_chunks(text));
    return answer;
  }
  if (length && text.size() < *length) return incomplete();
  answer.body = text.substr(0, length.value_or(text.size()));
  return answer;
}

Result<HttpAnswer> get(const std::string& socket, const std::string& target,
                       std::chrono::milliseconds limit) {
  const auto end = Clock::now() + limit;
  const Fd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection) return Error::from_errno(errno, "socket");
  GUARD_CHECK(connect_to(connection, socket, end));
  GUARD_CHECK(send_all(connection,
                       "GET " + target +
                           " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: guardctl\r\nConnection: "
                           "close\r\n\r\n",
                       end));
  GUARD_TRY(const auto text, receive_all(connection, end));
  return parse_answer(text);
}

}  // namespace guard::containers
