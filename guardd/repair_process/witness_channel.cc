#include "guardd/repair_process/witness_channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "guardd/helpers/owner_form.h"
#include "guardd/host/own_descriptors.h"
#include "guardd/repair_process/id_form.h"

namespace guard {
namespace {

enum class WitnessAsk : std::uint32_t { kEvidence = 1, kRemember };

struct AskedObject {
  FileId id;
  FileId directory;
  OwnerIds wanted;
};

// None if any is missing.
std::vector<AskedObject> read_questions(std::string_view contents) {
  ContentsReader in(contents);
  std::vector<AskedObject> all;
  while (in.is_valid() && !in.at_end()) {
    auto& each = all.emplace_back(AskedObject{read_id(in), read_id(in), {}});
    each.wanted = read_owner(in);
  }
  const auto is_known = [](const AskedObject& each) {
    return each.id.known() && each.directory.known();
  };
  if (!in.is_whole() || !std::all_of(all.begin(), all.end(), is_known)) all.clear();
  return all;
}

}  // namespace

// ---- the main process

WitnessServer::WitnessServer(Fd channel, Witness& witness)
    : channel_(std::move(channel)), witness_(witness) {
  for (unsigned i = 0; i < kThreads; ++i) {
    threads_.emplace_back([this] {
      serve();
      --threads_at_work_;
    });
  }
}

WitnessServer::~WitnessServer() {
  close();
}

void WitnessServer::close() {
  (void)::shutdown(channel_.get(), SHUT_RDWR);
}

void WitnessServer::serve() {
  for (;;) {
    Fd object;
    const auto record = receive_record(channel_.get(), Patience::kForever, &object);
    if (!record || !*record) return;
    const auto& question = **record;
    if (static_cast<WitnessAsk>(question.kind) == WitnessAsk::kRemember) {
      remember(question);
      continue;
    }
    const HelperRecord said{question.number, question.kind, true, answer(question, object.get())};
    if (!send_record(channel_.get(), said, Patience::kForever)) return;
  }
}

std::string WitnessServer::answer(const HelperRecord& question, int object) const {
  const auto asked = read_questions(question.contents);
  const bool is_about_object = object >= 0 && asked.size() == 1;
  std::vector<std::optional<Evidence>> all(asked.size());
  if (is_about_object || !witness_.wants_object()) {
    std::vector<WitnessQuestion> questions;
    questions.reserve(asked.size());
    for (const auto& [id, directory, wanted] : asked)
      questions.push_back({object, id, directory, wanted});
    all = witness_.evidence_for_all(questions);
  }
  ContentsWriter out;
  for (const auto& evidence : all)
    out.optional_number(evidence ? std::optional(static_cast<std::uint8_t>(evidence->kind()))
                                 : std::nullopt);
  return out.take();
}

void WitnessServer::remember(const HelperRecord& what) const {
  ContentsReader in(what.contents);
  const auto directory = read_id(in);
  const auto owner = read_owner(in);
  std::vector<FileId> objects;
  while (in.is_valid() && !in.at_end()) objects.push_back(read_id(in));
  if (in.is_whole() && directory.known()) witness_.remember(directory, objects, owner);
}

// ---- the repair process

AskedWitness::AskedWitness(Fd channel, Kind kind)
    : channel_(std::move(channel)), kind_(kind), receiver_([this] { receive(); }) {}

void AskedWitness::receive() {
  for (;;) {
    const auto record = receive_record(channel_.get(), Patience::kForever);
    if (!record || !*record) std::_Exit(EXIT_SUCCESS);  // guardd is gone
    const std::lock_guard lock(mutex_);
    const auto at = answers_.find((*record)->number);
    if (at == answers_.end()) continue;
    at->second = (*record)->contents;
    answered_.notify_all();
  }
}

std::vector<std::optional<Evidence>> AskedWitness::evidence_for_all(
    std::span<const WitnessQuestion> questions) {
  flush();
  ContentsWriter out;
  for (const auto& each : questions) {
    write_id(out, each.id);
    write_id(out, each.directory);
    write_owner(out, each.wanted);
  }
  std::unique_lock lock(mutex_);
  const auto number = ++last_number_;
  const auto at = answers_.try_emplace(number).first;
  lock.unlock();
  const HelperRecord asked{number, static_cast<std::uint32_t>(WitnessAsk::kEvidence), true,
                           out.take()};
  (void)send_record(channel_.get(), asked, Patience::kForever,
                    kind_.wants_object ? questions.front().object : -1);
  lock.lock();
  (void)answered_.wait_for(lock, kLongestAnswer, [&] { return at->second.has_value(); });
  const auto told = std::move(at->second);
  answers_.erase(at);
  lock.unlock();
  std::vector<std::optional<Evidence>> all(questions.size());
  ContentsReader in(told ? std::string_view(*told) : std::string_view());
  for (auto& each : all) each = evidence_told(in.optional_number<std::uint8_t>());
  return in.is_whole() ? all : std::vector<std::optional<Evidence>>(questions.size());
}

void AskedWitness::remember(const FileId& directory, std::span<const FileId> objects,
                            OwnerIds owner) {
  const std::lock_guard lock(mutex_);
  if (remembered_.directory != directory || remembered_.owner != owner) send_remembered();
  remembered_.directory = directory;
  remembered_.owner = owner;
  remembered_.objects.insert(remembered_.objects.end(), objects.begin(), objects.end());
  has_remembered_.store(true, std::memory_order_relaxed);
  if (remembered_.objects.size() >= kMostRemembered) send_remembered();
}

void AskedWitness::flush() {
  if (!has_remembered_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  send_remembered();
}

// The lock keeps their order.
void AskedWitness::send_remembered() {
  has_remembered_.store(false, std::memory_order_relaxed);
  if (remembered_.objects.empty()) return;
  ContentsWriter out;
  write_id(out, remembered_.directory);
  write_owner(out, remembered_.owner);
  for (const auto& each : remembered_.objects) write_id(out, each);
  remembered_.objects.clear();
  (void)send_record(channel_.get(),
                    {0, static_cast<std::uint32_t>(WitnessAsk::kRemember), true, out.take()},
                    Patience::kForever);
}

void work_apart(const AskedWitness* witness, int inbox) {
  std::vector<int> kept{inbox};
  if (witness) kept.push_back(witness->fd());
  (void)unshare_descriptors(std::move(kept));
}

}  // namespace guard
