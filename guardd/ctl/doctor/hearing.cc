#include "guardd/ctl/doctor/hearing.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <future>

#include "guardd/host/thread.h"

namespace guard::doctor {
namespace {

constexpr std::size_t kMost = 10'000;
constexpr auto kPatience = std::chrono::seconds(5);

std::string text_in(const bus::Map& record, const char* name) {
  const auto* text = bus::find<std::string>(record, name);
  return text ? *text : std::string();
}

bus::Failure failed(const std::string& what) {
  return {bus::Kind::kFailed, what};
}

}  // namespace

BusListener::BusListener(bus::Client client, std::string beginning)
    : client_(std::move(client)),
      beginning_('/' + std::move(beginning)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {}

bus::Answer<std::unique_ptr<BusListener>> BusListener::begin(const std::string& address,
                                                             std::string beginning) {
  auto client = bus::Client::open(address);
  if (!client) return client.error();
  client->set_patience({kPatience, kPatience, kPatience});
  std::unique_ptr<BusListener> hearing(new BusListener(*std::move(client), std::move(beginning)));
  if (!hearing->stop_) return failed(Error::from_errno(errno, "eventfd").text());
  auto* self = hearing.get();
  auto listening = std::make_shared<std::promise<bus::Answer<bus::Nothing>>>();
  auto begun = listening->get_future();
  auto thread = start_without_signals("a thread that hears guardd", [self, listening] {
    bool is_listening = false;
    const auto ended = self->client_.watch([self](const bus::Event& e) { return self->hear(e); },
                                           self->stop_.get(),
                                           [&is_listening, listening] {
                                             is_listening = true;
                                             listening->set_value(bus::Nothing{});
                                           });
    if (is_listening) return;
    listening->set_value(ended ? bus::Answer<bus::Nothing>(failed("it was not heard"))
                               : bus::Answer<bus::Nothing>(ended.error()));
  });
  if (!thread) return failed(thread.error().text());
  hearing->thread_ = *std::move(thread);
  const auto answer = begun.get();
  if (!answer) return answer.error();
  return hearing;
}

BusListener::~BusListener() {
  if (!thread_.joinable()) return;
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

bool BusListener::hear(const bus::Event& event) {
  if (event.kind != bus::Event::Kind::kViolation) return true;
  Violation told{text_in(event.record, "path"), text_in(event.record, "action"),
                 text_in(event.record, "reason")};
  if (told.path.find(beginning_) == std::string::npos) return true;
  const std::lock_guard lock(mutex_);
  if (told_.size() < kMost) told_.push_back(std::move(told));
  return true;
}

std::optional<BusListener::Violation> BusListener::about(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(told_.rbegin(), told_.rend(), [&](const Violation& told) {
    return told.path.ends_with('/' + name);
  });
  return found == told_.rend() ? std::nullopt : std::optional(*found);
}

}  // namespace guard::doctor
