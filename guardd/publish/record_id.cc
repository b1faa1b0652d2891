#include "guardd/publish/record_id.h"

#include <algorithm>

namespace guard {
namespace {

constexpr std::string_view kLetters = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr unsigned kBits = 5;
constexpr std::chrono::sys_days kEpoch{std::chrono::year{2025} / 1 / 1};

}  // namespace

RecordIds::RecordIds(Length length, std::string_view last)
    : length_(static_cast<unsigned>(length)) {
  for (const char letter : last) {
    const auto value = kLetters.find(letter);
    if (value == std::string_view::npos) {  // not a name of guardd: ignored
      last_ = 0;
      return;
    }
    last_ = (last_ << kBits) | value;
  }
}

std::string RecordIds::next(std::chrono::system_clock::time_point now) {
  // A time before the epoch counts as the epoch.
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now - kEpoch).count();
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(since, 0));
  const auto shorter = static_cast<unsigned>(Length::kViolation) - length_;
  last_ = std::max(last_ + 1, micros >> (shorter * kBits));
  // Ten letters suffice until 2060; then names become one letter longer, still ordered and unique.
  std::string name;
  for (auto left = last_; left != 0 || name.size() < length_; left >>= kBits)
    name += kLetters[left & (kLetters.size() - 1)];
  std::reverse(name.begin(), name.end());
  return name;
}

}  // namespace guard
