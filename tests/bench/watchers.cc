#include "tests/bench/watchers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "tests/bench/harness.h"

namespace guard::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kPatience = 600;  // times 50 ms

fs::path policies_for(const std::vector<fs::path>& trees, std::chrono::milliseconds settle,
                      const std::string& terms) {
  auto place = base() / "guardd";
  fs::remove_all(place);
  fs::create_directory(place);
  std::ofstream file(place / "bench.toml");
  int number = 0;
  for (const auto& tree : trees) {
    file << fmt::format(
        "[[policy]]\nname = \"bench{}\"\npaths = [\"{}\"]\nowner = {}\ngroup = {}\n"
        "settle = \"{}ms\"\n{}",
        number++, tree.string(), kApp, kApp, settle.count(), terms);
  }
  return place;
}

std::vector<std::string> script_for(const fs::path& tree) {
  const auto script = fmt::format(
      "inotifywait -q -m -r -e create,moved_to,close_write --format %w%f '{0}' |\n"
      "while IFS= read -r path; do chown -h {1}:{1} \"$path\"; done",
      tree.string(), kApp);
  return {"sh", "-c", script};
}

// Where it is unpacked. It is not installed, because it would start and guard the machine.
fs::path peers() {
  const char* place = std::getenv("GUARD_PEERS");  // NOLINT(concurrency-mt-unsafe): one thread
  return place ? place : "/nowhere";
}

void lay_over(const fs::path& layers, const std::string& place) {
  const auto layer = layers / fs::path(place).filename();
  fs::create_directories(layer / "upper");
  fs::create_directories(layer / "work");
  run({"mount", "-t", "overlay", "-o",
       fmt::format("lowerdir={},upperdir={},workdir={}", place, (layer / "upper").string(),
                   (layer / "work").string()),
       "guard-bench", place});
}

std::vector<std::string> fapolicyd_for(const std::string& type) {
  const auto layers = base() / "layers";
  if (!fs::exists(layers)) {
    for (const auto* place : {"/etc", "/var/lib"}) lay_over(layers, place);
    run({"mount", "-t", "tmpfs", "guard-bench", "/run"});
  }
  for (const auto* place : {"/etc/fapolicyd", "/var/lib/fapolicyd", "/run/fapolicyd"})
    fs::create_directories(place);
  // The defaults, except for its user and without a report.
  std::ofstream("/etc/fapolicyd/fapolicyd.conf")
      << "permissive = 1\nnice_val = 0\nq_size = 640\nuid = root\ngid = root\ndo_stat_report = 0\n"
         "detailed_report = 0\ndb_max_size = 50\nsubj_cache_size = 1549\nobj_cache_size = 8191\n"
         "trust = file\nintegrity = none\nsyslog_format = rule,dec,pid,exe,:,path\n"
         "allow_filesystem_mark = 0\nwatch_fs = "
      << type << "\n";
  std::ofstream("/etc/fapolicyd/fapolicyd.rules") << "allow perm=any all : all\n";
  std::ofstream("/etc/fapolicyd/fapolicyd.trust") << "/bin/true 1 " << std::string(64, '0') << '\n';
  std::string libraries;
  for (const auto& each : fs::directory_iterator(peers() / "usr/lib"))
    libraries += each.path().string() + ":";
  return {"env", "LD_LIBRARY_PATH=" + libraries, peers() / "usr/sbin/fapolicyd", "--debug-deny",
          "--permissive"};
}

}  // namespace

Process::Process(const std::vector<std::string>& words, const fs::path& output) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) give_up("fork");
  if (pid_ == 0) {
    (void)::setpgid(0, 0);
    const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (out < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(out, STDERR_FILENO) < 0)
      give_up(output);
    ::execvp(arguments[0], arguments.data());
    give_up(words[0]);
  }
  (void)::setpgid(pid_, pid_);  // both processes do this; the first one wins
}

Process::~Process() {
  (void)::kill(-pid_, SIGTERM);
  (void)::waitpid(pid_, nullptr, 0);
}

std::uint64_t Process::status(const std::string& key) const {
  std::ifstream file(fmt::format("/proc/{}/status", pid_));
  for (std::string word; file >> word;) {
    std::uint64_t value = 0;
    if (word == key + ":" && file >> value) return value;
  }
  return 0;
}

std::uint64_t Process::switches() const {
  std::uint64_t sum = 0;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid_))) {
    std::ifstream file(task.path() / "status");
    for (std::string word; file >> word;) {
      std::uint64_t value = 0;
      if (word.find("ctxt_switches:") != std::string::npos && file >> value) sum += value;
    }
  }
  return sum;
}

Guardd::Guardd(const std::vector<fs::path>& trees, std::chrono::milliseconds settle,
               const std::string& terms)
    : place_(policies_for(trees, settle, terms)),
      process_({GUARDD, "--policy-dir", place_, "--state-dir", place_ / "state", "--bus", "none",
                "--log", "json"},
               place_ / "told") {
  for (int i = 0; said("\"type\":\"ready\"") == 0; ++i) {
    if (i == kPatience) give_up("guardd is not ready");
    pause(50ms);
  }
  // Nothing reports the end of the first scan; for a small tree this is enough.
  pause(150ms);
}

std::size_t Guardd::said(const std::string& words) const {
  std::size_t count = 0;
  std::ifstream told(place_ / "told");
  for (std::string line; std::getline(told, line);)
    if (line.find(words) != std::string::npos) ++count;
  return count;
}

bool Fapolicyd::is_here() {
  return ::access((peers() / "usr/sbin/fapolicyd").c_str(), X_OK) == 0;
}

Fapolicyd::Fapolicyd(const std::string& type)
    : process_(fapolicyd_for(type), base() / "fapolicyd-said") {
  pause(2s);  // nothing reports that it has started
}

bool Script::is_installed() {
  return ::access("/usr/bin/inotifywait", X_OK) == 0;
}

Script::Script(const fs::path& tree) : process_(script_for(tree), "/dev/null") {
  pause(300ms);  // by then it has seen all of a small tree
}

}  // namespace guard::bench
