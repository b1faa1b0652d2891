// A server at a socket that answers GET requests as Docker does, with recorded answers.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "policy/base/handle.h"

namespace guard::testing {

// A body as Go's HTTP server sends a long one.
inline std::string chunked(std::string_view body, std::size_t size = 20) {
  std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
    std::array<char, 32> head{};
    (void)std::snprintf(head.data(), head.size(), "%zx\r\n", std::min(size, body.size()));
    text.append(head.data()).append(body.substr(0, size)).append("\r\n");
  }
  return text + "0\r\n\r\n";
}

inline std::string with_length(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// An archive with one file, as tar makes it.
inline std::string tar_of(std::string_view contents) {
  std::string archive(512, '\0');
  archive.replace(0, 6, "passwd");
  std::array<char, 16> size{};
  (void)std::snprintf(size.data(), size.size(), "%011zo", contents.size());
  archive.replace(124, 11, size.data());
  archive[156] = '0';
  archive += contents;
  archive.resize((archive.size() + 511) / 512 * 512 + 1024, '\0');
  return archive;
}

class FakeRuntime {
 public:
  using Answers = std::map<std::string, std::string>;  // by target

  FakeRuntime(std::string path, Answers answers)
      : path_(std::move(path)), answers_(std::move(answers)) {
    listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path[0], path_.c_str(), std::min(path_.size(), std::size_t{107}));
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as bind() takes it
    (void)::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    (void)::listen(listener_.get(), 16);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeRuntime() {
    is_over_ = true;
    thread_.join();
    (void)::unlink(path_.c_str());
  }
  FakeRuntime(const FakeRuntime&) = delete;
  FakeRuntime& operator=(const FakeRuntime&) = delete;

  const std::string& path() const { return path_; }

 private:
  void serve() {
    std::vector<Fd> unanswered;  // of targets that have no answer: kept open
    while (!is_over_) {
      pollfd waiting{listener_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      Fd client(::accept(listener_.get(), nullptr, nullptr));
      if (!client) continue;
      std::string request;
      std::array<char, 1024> piece{};
      while (request.find("\r\n\r\n") == std::string::npos) {
        const auto got = ::recv(client.get(), piece.data(), piece.size(), 0);
        if (got <= 0) break;
        request.append(piece.data(), static_cast<std::size_t>(got));
      }
      const auto target = request.substr(4, request.find(' ', 4) - 4);
      const auto found = answers_.find(target);
      if (found == answers_.end()) {
        (void)::send(client.get(), "HTTP/1.1 404 Not Found\r\n\r\n", 26, MSG_NOSIGNAL);
      } else if (found->second.empty()) {
        unanswered.push_back(std::move(client));
      } else {
        (void)::send(client.get(), found->second.data(), found->second.size(), MSG_NOSIGNAL);
      }
    }
  }

  std::string path_;
  Answers answers_;
  Fd listener_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

}  // namespace guard::testing
