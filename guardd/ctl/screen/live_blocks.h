// Blocks of lines at the end of a terminal that are written anew where they stand while they
// change; above them, what does not change any more scrolls away as usual. Pure: says what is to be
// written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace guard::ctl {

class LiveBlocks {
 public:
  bool has(std::string_view id) const;
  // New at the end, or in the place of what it was. A text is whole lines.
  void set(const std::string& id, std::string text);
  // As it stays: goes above those that still change. Of one that is not there any more, too.
  void settle(const std::string& id, const std::string& text);

  // Everything that has changed since the last time. What has no room on a screen of so many rows
  // stays as it is from here on, the oldest first.
  std::string draw(std::size_t rows);

 private:
  struct Block {
    std::string id;
    std::string text;
  };
  std::vector<Block> live_;
  std::string settled_;    // since the last draw
  std::size_t drawn_ = 0;  // lines of blocks that can be written anew
  bool changed_ = false;
};

}  // namespace guard::ctl
