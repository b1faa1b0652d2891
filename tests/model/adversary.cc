#include "tests/model/adversary.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/model/acts.h"
#include "tests/model/loops.h"

namespace guard::test {
namespace {

constexpr std::size_t kMessage = 64U << 10U;
constexpr int kDeadlineMs = 60'000;  // of one act; the longest are bursts

void require(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::_Exit(EXIT_FAILURE);
}

// As the kernel does where fs.protected_hardlinks is 0, but only for this process.
void keep_power_to_link() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = data[0].permitted = 1U << CAP_FOWNER;
  require(::syscall(SYS_capset, &header, data.data()) == 0, "capset");
}

void become(AdversaryKind kind, uid_t user) {
  if (kind == AdversaryKind::kFileServer) {  // these calls change the calling thread only
    require(::syscall(SYS_setgroups, 0, nullptr) == 0, "setgroups");
    (void)::setfsgid(user);
    (void)::setfsuid(user);
    return;
  }
  if (kind == AdversaryKind::kLinker) require(::prctl(PR_SET_KEEPCAPS, 1) == 0, "keep");
  require(::setgroups(0, nullptr) == 0, "setgroups");
  require(::setresgid(user, user, user) == 0, "setresgid");
  require(::setresuid(user, user, user) == 0, "setresuid");
  if (kind == AdversaryKind::kLinker) keep_power_to_link();
  require(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");  // the new ids have cleared it
}

// The process's side.
class Server {
 public:
  explicit Server(int socket) : socket_(socket) {}

  void serve() {
    std::string request(kMessage, '\0');
    for (;;) {
      const auto length = ::recv(socket_, request.data(), request.size(), 0);
      if (length <= 0) ::_exit(0);
      const auto reply = answer(step_of(request.substr(0, static_cast<std::size_t>(length))));
      if (::send(socket_, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) ::_exit(1);
    }
  }

 private:
  std::string answer(const Step& step) {
    const auto& operation = step.words.at(0);
    if (operation == "look") return look();
    if (operation == "stop") return stop();
    if (operation == "hold") return hold(step.words.at(1));
    if (step.actor == "suid") return std::to_string(act_and_execute(step));
    if (is_loop(step)) {
      loops_.push_back(start_loop(step));
      return "0";
    }
    return std::to_string(common_act(step.words));
  }

  static std::string look() {
    std::string seen;
    for (const char* const where : {"tree", "stage", "vault"}) {
      visit_files(where, [&](const std::string& path, int file) {
        const auto text = secret_text(file);
        const auto line = path + " " + text + "\n";
        if (!text.empty() && seen.size() + line.size() < kMessage) seen += line;
      });
    }
    return seen.empty() ? "\n" : seen;
  }

  std::string hold(const std::string& path) {
    Fd file = open_now(path, O_RDWR);
    if (!file) file = open_now(path, O_RDONLY);
    struct stat facts {};
    if (!file || ::fstat(file.get(), &facts) != 0) return "\n";
    if (held_.size() % 2 == 1) (void)::fcntl(file.get(), F_SETLEASE, F_WRLCK);
    held_.push_back(std::move(file));
    return std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
  }

  std::string stop() {
    held_.clear();
    for (const pid_t loop : loops_) {
      ::kill(loop, SIGKILL);
      ::waitpid(loop, nullptr, 0);
    }
    loops_.clear();
    return "0";
  }

  // By the time that the act is looked into, its process is root's, as that of sudo is.
  int act_and_execute(const Step& step) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
    const pid_t child = ::fork();
    if (child == 0) {
      const int error = common_act(step.words);
      (void)!::write(ends[1], &error, sizeof error);
      ::execl("bin/setpriv", "setpriv", "--reuid", "0", "sleep", "0.5", nullptr);
      ::_exit(1);
    }
    ::close(ends[1]);
    int error = EIO;
    (void)!::read(ends[0], &error, sizeof error);
    char end = 0;
    (void)!::read(ends[0], &end, 1);  // until it is executed
    ::close(ends[0]);
    loops_.push_back(child);
    return error;
  }

  int socket_;
  std::vector<Fd> held_;
  std::vector<pid_t> loops_;
};

}  // namespace

Adversary::Adversary(AdversaryKind kind, uid_t user, const std::string& directory) {
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  pid_ = ::fork();
  require(pid_ >= 0, "fork");
  if (pid_ > 0) {
    socket_ = Fd(ends[0]);
    ::close(ends[1]);
    return;
  }
  ::close(ends[0]);
  ::umask(0);
  ::signal(SIGIO, SIG_IGN);  // a lease that breaks
  require(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
  require(::chdir(directory.c_str()) == 0, "chdir");
  if (kind != AdversaryKind::kFileServer) {
    become(kind, user);
    Server(ends[1]).serve();
  }
  std::thread([&] {
    become(kind, user);
    Server(ends[1]).serve();
  }).join();
}

Adversary::~Adversary() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::vector<std::string> Adversary::ask(const std::string& request) {
  std::string reply(kMessage, '\0');
  pollfd ready{socket_.get(), POLLIN, 0};
  if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0 ||
      ::poll(&ready, 1, kDeadlineMs) != 1)
    throw std::runtime_error("no answer to: " + request);
  const auto length = ::recv(socket_.get(), reply.data(), reply.size(), 0);
  if (length <= 0) throw std::runtime_error("an adversary has ended at: " + request);
  reply.resize(static_cast<std::size_t>(length));
  std::istringstream lines(reply);
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) all.push_back(line);
  return all;
}

int Adversary::act(const Step& step) {
  return std::stoi(ask(text_of(step)).at(0));
}

std::string Adversary::hold(const std::string& path) {
  const auto reply = ask("svc hold " + path);
  return reply.empty() ? "" : reply.front();
}

std::vector<Adversary::Sight> Adversary::look() {
  std::vector<Sight> all;
  for (const auto& line : ask("svc look all")) {
    const auto space = line.find(' ');
    all.push_back({line.substr(0, space), line.substr(space + 1)});
  }
  return all;
}

void Adversary::stop() {
  (void)ask("svc stop all");
}

}  // namespace guard::test
