#include "guardd/files/handle_form.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace guard {
namespace {

template <typename... Numbers>
std::string bytes_of(Numbers... numbers) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return bytes;
}

constexpr const char* kFilesystem = "fsid-8-b";

// The handles that each file system makes.
FileId plain(std::uint32_t inode, std::uint32_t generation) {
  return {kFilesystem, 1, bytes_of(inode, generation)};
}
FileId xfs(std::uint64_t inode, std::uint32_t generation) {
  return {kFilesystem, 0x81, bytes_of(inode, generation)};
}
FileId tmpfs(std::uint64_t inode, std::uint32_t generation) {
  return {kFilesystem, 1, bytes_of(generation, inode)};
}
FileId btrfs(std::uint64_t inode, std::uint32_t generation) {
  return {kFilesystem, 0x4d, bytes_of(inode, std::uint64_t{256}, generation)};
}

TEST(HandleForm, MakesHandlesLikeTheKnownOne) {
  EXPECT_EQ(HandleForm::of(plain(77, 5), 77).make(78, 6), plain(78, 6));
  EXPECT_EQ(HandleForm::of(xfs(77, 5), 77).make(78, 6), xfs(78, 6));
  EXPECT_EQ(HandleForm::of(tmpfs(77, 5), 77).make(78, 6), tmpfs(78, 6));
  EXPECT_EQ(HandleForm::of(btrfs(77, 5), 77).make(78, 6), btrfs(78, 6));
}

TEST(HandleForm, IsUnknownIfTheHandleLacksTheInodeNumber) {
  EXPECT_FALSE(HandleForm::of(plain(77, 5), 79).known());
  EXPECT_FALSE(HandleForm::of({kFilesystem, 0xf8, "another form"}, 77).known());
  EXPECT_FALSE(HandleForm::of(FileId(), 77).known());
  EXPECT_FALSE(HandleForm().make(78, 6).known());
}

TEST(HandleForm, MakesNoHandleForANumberTooLarge) {
  EXPECT_FALSE(HandleForm::of(plain(77, 5), 77).make(std::uint64_t{1} << 32U, 6).known());
}

}  // namespace
}  // namespace guard
