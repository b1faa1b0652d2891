#include "guardd/ctl/screen/live_blocks.h"

#include <algorithm>
#include <utility>

namespace guard::ctl {
namespace {

// Long lines are cut, not wrapped: otherwise the number of rows to go back is unknown.
constexpr std::string_view kNoWrap = "\x1b[?7l";
constexpr std::string_view kWrap = "\x1b[?7h";
constexpr std::string_view kEraseBelow = "\x1b[J";

std::size_t lines_in(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

bool LiveBlocks::has(std::string_view id) const {
  return std::any_of(live_.begin(), live_.end(), [&](const Block& each) { return each.id == id; });
}

void LiveBlocks::set(const std::string& id, std::string text) {
  changed_ = true;
  for (auto& block : live_) {
    if (block.id != id) continue;
    block.text = std::move(text);
    return;
  }
  live_.push_back({id, std::move(text)});
}

void LiveBlocks::settle(const std::string& id, const std::string& text) {
  changed_ = true;
  settled_ += text;
  const auto gone = [&](const Block& block) { return block.id == id; };
  live_.erase(std::remove_if(live_.begin(), live_.end(), gone), live_.end());
}

std::string LiveBlocks::draw(std::size_t rows) {
  if (!std::exchange(changed_, false)) return {};
  std::size_t lines = 0;
  for (const auto& block : live_) lines += lines_in(block.text);
  // The cursor is below the last line.
  auto first = live_.begin();
  for (; first != live_.end() && lines + 1 > rows; ++first) {
    lines -= lines_in(first->text);
    settled_ += first->text;
  }
  live_.erase(live_.begin(), first);

  std::string out;
  if (drawn_ > 0) out = "\x1b[" + std::to_string(drawn_) + 'F' + std::string(kEraseBelow);
  out += std::exchange(settled_, {});
  drawn_ = lines;
  if (live_.empty()) return out;
  out += kNoWrap;
  for (const auto& block : live_) out += block.text;
  out += kWrap;
  return out;
}

}  // namespace guard::ctl
