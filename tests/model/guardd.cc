#include "tests/model/guardd.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace guard::test {
namespace {

using namespace std::chrono_literals;

// What root keeps in the tree for itself: what is excluded, and what a rule says is root's. Another
// rule lets the service's group read what is root's.
constexpr const char* kPolicy = R"(settle = "100ms"
exclude = ["secrets", "secrets/**", "closed", "closed/**"]
  [[policy.rule]]
  match = ["**/*.key"]
  owner = "root"
  group = "root"
  file_mode = "0600"
  [[policy.rule]]
  match = ["**/*.group"]
  owner = "root"
  group = 4242
  file_mode = "0640"
)";

std::string program() {
  const char* const other = std::getenv("GUARD_TEST_GUARDD");  // NOLINT(concurrency-mt-unsafe)
  return other ? other : GUARDD;
}

}  // namespace

int slowness() {
  return std::getenv("GUARD_KERNEL") != nullptr ? 10 : 1;  // NOLINT(concurrency-mt-unsafe)
}

std::string backend_under_test() {
  const char* const name = std::getenv("GUARD_TEST_BACKEND");  // NOLINT(concurrency-mt-unsafe)
  return name ? name : "fanotify";
}

Guardd::Guardd(const std::filesystem::path& root, const Options& options)
    : files_(root.string() + ".guardd") {
  std::filesystem::remove_all(files_);
  std::filesystem::create_directories(files_ / "policies");
  std::ofstream(files_ / "guardd.toml")
      << "tracer = \"" << (options.has_tracer ? "auto" : "off") << "\"\n";
  std::ofstream(files_ / "policies/model.toml")
      << "[[policy]]\nname = \"model\"\npaths = [\"" << (root / "srv/tree").string()
      << "\"]\nowner = " << 4242 << "\ngroup = " << options.group << "\naction = \""
      << options.action << "\"\nfix_at = \"" << options.fix_at << "\"\n"
      << kPolicy;
}

Guardd::~Guardd() {
  if (is_started()) kill();
}

void Guardd::start() {
  const auto out = (files_ / "output").string();
  const auto errors = (files_ / "errors").string();
  std::vector<std::string> words{
      program(), "--policy-dir", files_ / "policies",   "--state-dir",        files_ / "state",
      "--bus",   "none",         "--backend",           backend_under_test(), "--log",
      "json",    "--config",     files_ / "guardd.toml"};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), kFlags, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), kFlags | O_APPEND, 0600);
  const int failed =
      ::posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + words[0]);
  const auto until = std::chrono::steady_clock::now() + slowness() * 20s;
  while (!is_ready()) {
    if (const auto why = why_it_ended(); !why.empty()) throw std::runtime_error(why);
    if (std::chrono::steady_clock::now() > until) {
      kill();
      throw std::runtime_error("guardd is not ready in time: " + last_words());
    }
    std::this_thread::sleep_for(2ms);
  }
}

bool Guardd::is_ready() const {
  std::ifstream output(files_ / "output");
  for (std::string line; std::getline(output, line);)
    if (line.find("\"ready\"") != std::string::npos) return true;
  return false;
}

std::string Guardd::last_words() const {
  constexpr std::size_t kMost = 4000;
  std::ifstream errors(files_ / "errors");
  std::string text{std::istreambuf_iterator<char>(errors), {}};
  return text.size() > kMost ? text.substr(text.size() - kMost) : text;
}

void Guardd::kill() {
  if (!is_started()) return;
  const pid_t pid = std::exchange(pid_, -1);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

void Guardd::send(int signal) const {
  if (is_started()) ::kill(pid_, signal);
}

std::string Guardd::why_it_ended() {
  int status = 0;
  if (!is_started() || ::waitpid(pid_, &status, WNOHANG) != pid_) return "";
  pid_ = -1;
  return "guardd has ended with status " + std::to_string(status) + ": " + last_words();
}

}  // namespace guard::test
