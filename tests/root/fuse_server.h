// A file system that stops answering when the test says so. Its root has two entries: "file", an
// executable of the content that the test gives, and "link", a symbolic link; when "link" is read,
// the pages of "file" leave memory and are not read again. A mapping of "file", opened for reading
// and writing, waits for pages that others read. Runs in a process of its own. At the end all that
// waits for it is released: a process that waits cannot be killed before.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace guard::test {

class FuseServer {
 public:
  enum class Request : std::uint32_t { kRead = 1, kAttributes = 2, kLookup = 4, kOpen = 8 };

  // `target`: of the link.
  FuseServer(std::filesystem::path where, const std::string& content, const std::string& target);
  ~FuseServer();
  FuseServer(const FuseServer&) = delete;
  FuseServer& operator=(const FuseServer&) = delete;

  bool is_mounted() const { return device_ >= 0; }
  std::filesystem::path file() const { return where_ / "file"; }
  std::filesystem::path link() const { return where_ / "link"; }
  // From now on requests of this kind are never answered.
  void ignore(Request request);
  // How many were not answered.
  unsigned ignored() const;

 private:
  struct Shared;

  std::filesystem::path where_;
  Shared* shared_ = nullptr;
  int device_ = -1;
  pid_t server_ = -1;
};

}  // namespace guard::test
