// What LiveBlocks writes to a terminal while blocks change.
#include "guardd/ctl/screen/live_blocks.h"

#include <gmock/gmock.h>

namespace guard::ctl {
namespace {

std::string live(const std::string& text) {
  return "\x1b[?7l" + text + "\x1b[?7h";
}
std::string redraw(int lines) {
  return "\x1b[" + std::to_string(lines) + "F\x1b[J";
}

TEST(LiveBlocks, AreRedrawnInPlace) {
  LiveBlocks blocks;
  EXPECT_EQ(blocks.draw(24), "");
  blocks.set("a", "a\n 1\n");
  EXPECT_EQ(blocks.draw(24), live("a\n 1\n"));
  EXPECT_EQ(blocks.draw(24), "") << "nothing has changed";
  blocks.set("b", "b\n");
  EXPECT_EQ(blocks.draw(24), redraw(2) + live("a\n 1\nb\n"));
  blocks.set("a", "a\n 2\n");
  EXPECT_EQ(blocks.draw(24), redraw(3) + live("a\n 2\nb\n"));
  EXPECT_TRUE(blocks.has("a"));
}

TEST(LiveBlocks, MoveAboveTheOthersWhenTheyAreFinal) {
  LiveBlocks blocks;
  blocks.set("a", "a\n");
  blocks.set("b", "b\n");
  (void)blocks.draw(24);
  blocks.settle("b", "b: all\n");
  EXPECT_EQ(blocks.draw(24), redraw(2) + "b: all\n" + live("a\n"));
  EXPECT_FALSE(blocks.has("b"));
  blocks.settle("a", "a: all\n");
  EXPECT_EQ(blocks.draw(24), redraw(1) + "a: all\n");
  blocks.set("c", "c\n");
  EXPECT_EQ(blocks.draw(24), live("c\n")) << "final blocks are not overwritten";
}

TEST(LiveBlocks, BecomeFinalIfTheyDoNotFit) {
  LiveBlocks blocks;
  blocks.set("a", "a\n");
  blocks.set("b", "b\n 1\n");
  (void)blocks.draw(4);
  blocks.set("c", "c\n");
  EXPECT_EQ(blocks.draw(4), redraw(3) + "a\n" + live("b\n 1\nc\n"));
  EXPECT_FALSE(blocks.has("a"));
  blocks.settle("a", "a: all\n");
  EXPECT_EQ(blocks.draw(4), redraw(3) + "a: all\n" + live("b\n 1\nc\n"));
  blocks.set("huge", "1\n2\n3\n4\n5\n");
  EXPECT_EQ(blocks.draw(4), redraw(3) + "b\n 1\nc\n1\n2\n3\n4\n5\n");
  blocks.set("d", "d\n");
  EXPECT_EQ(blocks.draw(4), live("d\n"));
}

}  // namespace
}  // namespace guard::ctl
