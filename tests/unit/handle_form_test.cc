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
// `filesystem`: as statfs() reports it for this subvolume.
FileId btrfs(std::uint64_t inode, std::uint32_t generation, std::uint64_t subvolume,
             const std::string& filesystem = kFilesystem) {
  return {filesystem, 0x4d, bytes_of(inode, subvolume, generation)};
}

TEST(HandleForm, MakesHandlesLikeTheKnownOne) {
  EXPECT_EQ(HandleForm::of(plain(77, 5), 77).make(78, 6), plain(78, 6));
  EXPECT_EQ(HandleForm::of(xfs(77, 5), 77).make(78, 6), xfs(78, 6));
  EXPECT_EQ(HandleForm::of(tmpfs(77, 5), 77).make(78, 6), tmpfs(78, 6));
}

TEST(HandleForm, ReadsTheGeneration) {
  for (const auto& [id, inode] : {std::pair(plain(77, 5), 77U), std::pair(xfs(77, 5), 77U),
                                  std::pair(tmpfs(77, 5), 77U), std::pair(btrfs(77, 5, 256), 77U)})
    EXPECT_EQ(HandleForm::of(id, inode).generation_in(id), 5U);
  EXPECT_EQ(HandleForm().generation_in(plain(77, 5)), 0U);
}

TEST(HandleForm, DoesNotKnowTheSubvolume) {
  const auto made = HandleForm::of(btrfs(77, 5, 256), 77).make(78, 6);
  EXPECT_TRUE(made.is_like(btrfs(78, 6, 256)));
  EXPECT_TRUE(btrfs(78, 6, 256).is_like(made));
  EXPECT_FALSE(made == btrfs(78, 6, 256));
  EXPECT_FALSE(made.is_like(btrfs(78, 7, 256)));
  EXPECT_FALSE(made.is_like(btrfs(78, 6, 256, "fsid-8-c")));
}

// The file system id of a subvolume is that of the file system, with the number of the subvolume
// mixed in.
TEST(FileId, HasTheFileSystemOfAllSubvolumes) {
  const std::uint64_t one = 0x100000001;
  auto other = std::string(kFilesystem);
  other[0] ^= 1;  // the first four bytes: the high half of the number
  other[4] ^= 1;
  const FileId file = btrfs(77, 5, 0), same = btrfs(77, 5, one, other);
  EXPECT_EQ(file.filesystem(), same.filesystem());
  EXPECT_EQ(same.subvolume(), one);
  EXPECT_NE(file.volume(), same.volume());
  // An event has the id of the watched directory, whatever subvolume the file is in.
  const FileId reported(kFilesystem, 0x4d, bytes_of(std::uint64_t{77}, one, std::uint32_t{5}), 0);
  EXPECT_EQ(reported, same);
  EXPECT_FALSE(file.is_like(btrfs(77, 5, 258, kFilesystem)));
  EXPECT_FALSE(plain(77, 5).subvolume());
  EXPECT_TRUE(plain(77, 5).is_like(plain(77, 5)));
  EXPECT_FALSE(plain(77, 5).is_like(plain(77, 6)));
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
