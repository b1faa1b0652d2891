// Blocks of lines at the bottom of a terminal that are redrawn in place while they change. Blocks
// that no longer change scroll away above them. Pure: returns what to write.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace guard::ctl {

class LiveBlocks {
 public:
  bool has(std::string_view id) const;
  // Adds a block at the end, or replaces it in place. The text is whole lines.
  void set(const std::string& id, std::string text);
  // Writes the final text above the blocks that still change, even if the block is gone already.
  void settle(const std::string& id, const std::string& text);

  // Everything that has changed since the last call. Blocks that do not fit on a screen of so many
  // rows become final, oldest first.
  std::string draw(std::size_t rows);

 private:
  struct Block {
    std::string id;
    std::string text;
  };
  std::vector<Block> live_;
  std::string settled_;    // since the last draw()
  std::size_t drawn_ = 0;  // lines of blocks that can be redrawn
  bool changed_ = false;
};

}  // namespace guard::ctl
