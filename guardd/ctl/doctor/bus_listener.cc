#include "guardd/ctl/doctor/bus_listener.h"

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
  std::unique_ptr<BusListener> listener(new BusListener(*std::move(client), std::move(beginning)));
  if (!listener->stop_) return failed(Error::from_errno(errno, "eventfd").text());
  auto* self = listener.get();
  auto listening = std::make_shared<std::promise<bus::Answer<bus::Nothing>>>();
  auto begun = listening->get_future();
  auto thread = start_without_signals("a thread that listens to guardd", [self, listening] {
    bool is_listening = false;
    const auto ended = self->client_.watch([self](const bus::Event& e) { return self->take(e); },
                                           self->stop_.get(),
                                           [&is_listening, listening] {
                                             is_listening = true;
                                             listening->set_value(bus::Nothing{});
                                           });
    if (is_listening) return;
    listening->set_value(ended ? bus::Answer<bus::Nothing>(failed("the connection ended"))
                               : bus::Answer<bus::Nothing>(ended.error()));
  });
  if (!thread) return failed(thread.error().text());
  listener->thread_ = *std::move(thread);
  const auto answer = begun.get();
  if (!answer) return answer.error();
  return listener;
}

BusListener::~BusListener() {
  if (!thread_.joinable()) return;
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

bool BusListener::take(const bus::Event& event) {
  if (event.kind != bus::Event::Kind::kViolation) return true;
  Violation violation{text_in(event.record, "path"), text_in(event.record, "action"),
                      text_in(event.record, "reason")};
  if (violation.path.find(beginning_) == std::string::npos) return true;
  const std::lock_guard lock(mutex_);
  if (reported_.size() < kMost) reported_.push_back(std::move(violation));
  return true;
}

std::optional<BusListener::Violation> BusListener::about(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(
      reported_.rbegin(), reported_.rend(),
      [&](const Violation& violation) { return violation.path.ends_with('/' + name); });
  return found == reported_.rend() ? std::nullopt : std::optional(*found);
}

}  // namespace guard::doctor
