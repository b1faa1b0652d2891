// Shared by the comparisons: an isolated environment, the measured work, and the table of results.
// One thread. A failure ends the program: a result from an incomplete set-up would be worse than
// none.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace guard::bench {

constexpr int kSkipped = 77;
constexpr uid_t kApp = 4242;

[[noreturn]] void give_up(const std::string& what);

// Continues in a child with its own mount and process namespaces, and with a tmpfs at base(). Its
// mounts and processes end with it, at the latest after `seconds`.
void leave_the_machine(unsigned seconds);
const std::filesystem::path& base();

// A file system for one set of measurements, with room for this many files; "tmpfs", "ext4".
class FileSystem {
 public:
  FileSystem(std::string type, unsigned files, const std::string& name = "fs");
  ~FileSystem();
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  const std::string& type() const { return type_; }
  const std::filesystem::path& root() const { return root_; }
  // A directory in it that belongs to the app.
  std::filesystem::path directory_of_app(const std::string& name) const;

 private:
  std::string type_;
  std::filesystem::path root_;
  std::filesystem::path image_;
};

void run(std::vector<std::string> words);

// Does it in a child, and returns this many bytes of result.
void in_child(const std::function<void(void*)>& work, void* result, std::size_t size);
void become_app();

// The result of `work` in a child, or in a child that runs as the app.
template <typename Work>
auto in_child(const Work& work) {
  decltype(work()) result{};
  in_child([&](void* out) { *static_cast<decltype(work())*>(out) = work(); }, &result,
           sizeof result);
  return result;
}
template <typename Work>
auto as_app(const Work& work) {
  return in_child([&] {
    become_app();
    return work();
  });
}

inline constexpr unsigned kAll = ~0U;  // processors
// From here on, this process and its children run only there.
class On {
 public:
  explicit On(unsigned processor) {
    if (::sched_getaffinity(0, sizeof before_, &before_) != 0) give_up("sched_getaffinity");
    if (processor == kAll) return;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(processor, &only);
    if (::sched_setaffinity(0, sizeof only, &only) != 0) give_up("sched_setaffinity");
  }
  ~On() { (void)::sched_setaffinity(0, sizeof before_, &before_); }
  On(const On&) = delete;
  On& operator=(const On&) = delete;

 private:
  cpu_set_t before_{};
};

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point began);
double seconds_of(const std::function<void()>& work);
void pause(std::chrono::nanoseconds time);

double median(std::vector<double> values);
double percentile(std::vector<double> values, double share);

// Compares a result of guardd with its goal. Up to `fails_above`, the difference may be noise. A
// goal that is known not to be met yet has a separate bound, so that the result does not get worse.
struct Target {
  double wanted = 0;
  double fails_above = 0;
  bool is_known_miss = false;
};

struct Row {
  std::string what;
  std::string file_system{};
  std::string nothing{};  // the floor
  std::string guardd{};
  std::string peer{};  // named by the table, or else by the cell
  std::string target{};
};

// Prints each row as soon as it is known.
class Table {
 public:
  explicit Table(const std::string& peer = "inotifywait");
  void add(const Row& row) { print(row, ""); }
  void add(const Row& row, double figure, const Target& target);
  // The last line, and the status of the program.
  int finish() const;

 private:
  static void print(const Row& row, const std::string& verdict);

  int holds_ = 0;
  int over_ = 0;
  int missed_ = 0;
};

std::string ratio(double of);
std::string time(double seconds);

}  // namespace guard::bench
