// A private bus with only the clients of the test, and a fake guardd on
// it.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <csignal>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include <systemd/sd-bus.h>

#include "dbus/handles.h"
#include "dbus/names.h"
#include "policy/base/handle.h"
#include "tests/unit/fakes.h"

namespace guard::testing {

using BusHandle = bus::Bus;
using MessageHandle = bus::Message;

class PrivateBus {
 public:
  PrivateBus() {
    ::chmod((directory_ / "").c_str(), 0755);
    config_ = directory_.write(
        "bus.conf",
        "<busconfig><type>session</type><listen>unix:path=" + directory_ / "socket" +
            "</listen><policy context=\"default\">"
            "<allow user=\"*\"/><allow send_destination=\"*\"/><allow eavesdrop=\"true\"/>"
            "<allow own=\"*\"/>"
            "</policy></busconfig>");
    start();
  }
  ~PrivateBus() { stop(); }
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  void start() {
    ::unlink((directory_ / "socket").c_str());
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw std::runtime_error("pipe2");
    const Fd from(ends[0]);
    Fd to(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
    // It warns about limits that an ordinary user cannot raise.
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::array<std::string, 4> words{"dbus-daemon", "--config-file=" + config_, "--nofork",
                                     "--print-address=1"};
    std::array<char*, 5> arguments{words[0].data(), words[1].data(), words[2].data(),
                                   words[3].data(), nullptr};
    const int code =
        ::posix_spawnp(&pid_, "dbus-daemon", &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0) throw std::runtime_error("dbus-daemon cannot be started");
    to.reset();
    char ready = 0;  // it prints its address once it listens
    if (::read(from.get(), &ready, 1) != 1) throw std::runtime_error("dbus-daemon does not start");
  }

  std::string address() const { return "unix:path=" + directory_ / "socket"; }

  BusHandle connect() const {
    sd_bus* raw = nullptr;
    int code = sd_bus_new(&raw);
    BusHandle bus(raw);
    if (code >= 0) code = sd_bus_set_address(raw, address().c_str());
    if (code >= 0) code = sd_bus_set_bus_client(raw, 1);
    if (code >= 0) code = sd_bus_start(raw);
    if (code < 0) throw std::runtime_error("the bus accepts no connections");
    return bus;
  }

  void stop() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  TemporaryDirectory directory_;
  std::string config_;
  pid_t pid_ = -1;
};

// Answers method calls by name as configured, in a thread of its own.
class FakeGuardd {
 public:
  // Fills the reply.
  using Answer = std::function<int(sd_bus_message* call, sd_bus_message* reply)>;

  explicit FakeGuardd(const PrivateBus& bus) : bus_(bus.connect()) {
    if (sd_bus_request_name(bus_.get(), bus::kName, 0) < 0)
      throw std::runtime_error("the name is taken");
  }
  ~FakeGuardd() { stop(); }
  FakeGuardd(const FakeGuardd&) = delete;
  FakeGuardd& operator=(const FakeGuardd&) = delete;

  void answers(const std::string& method, Answer answer) { answers_[method] = std::move(answer); }
  void fails(const std::string& method, const std::string& error, const std::string& text) {
    errors_[method] = {error, text};
  }
  // Takes the call and never answers it.
  void ignores(const std::string& method) { ignored_ = method; }
  // Leaves the bus instead of answering.
  void dies_of(const std::string& method) { deadly_ = method; }
  // Called repeatedly.
  void repeats(std::function<void(sd_bus*)> manual_repair) { deed_ = std::move(manual_repair); }

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
    bus_.reset();
  }

 private:
  void run() {
    while (!done_) {
      sd_bus_message* raw = nullptr;
      const int code = sd_bus_process(bus_.get(), &raw);
      const MessageHandle message(raw);
      if (code < 0) return;
      if (message && sd_bus_message_is_method_call(raw, nullptr, nullptr) > 0) {
        if (!serve(raw)) return bus_.reset();
      } else if (code == 0) {
        if (deed_) deed_(bus_.get());
        (void)sd_bus_wait(bus_.get(), 10'000);
      }
    }
  }

  bool serve(sd_bus_message* call) {
    const std::string method = sd_bus_message_get_member(call);
    if (method == deadly_) return false;
    if (method == ignored_) return true;
    if (const auto error = errors_.find(method); error != errors_.end()) {
      const sd_bus_error reason{error->second.first.c_str(), error->second.second.c_str(), 0};
      return sd_bus_reply_method_error(call, &reason) >= 0;
    }
    sd_bus_message* raw = nullptr;
    if (sd_bus_message_new_method_return(call, &raw) < 0) return false;
    const MessageHandle reply(raw);
    if (const auto answer = answers_.find(method); answer != answers_.end())
      if (answer->second(call, raw) < 0) return false;
    return sd_bus_send(bus_.get(), raw, nullptr) >= 0;
  }

  BusHandle bus_;
  std::map<std::string, Answer> answers_;
  std::map<std::string, std::pair<std::string, std::string>> errors_;
  std::string ignored_;
  std::string deadly_;
  std::function<void(sd_bus*)> deed_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace guard::testing
