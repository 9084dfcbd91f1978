// Segments that other ranks find by name, and what a kill leaves of them.
#include "communication/shared_segment.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "kronwerk/core/error.hpp"

namespace kronwerk::communication {
namespace {

bool exists(const std::string& name) {
  return std::filesystem::exists("/dev/shm" + name);
}

/// Removes what nobody holds until it is gone: another process that cleans up at the same time, a
/// rank of this test or of another, holds a remainder for a moment before it removes it itself.
bool is_removed_as_stale(const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    remove_stale_segments();
    if (!exists(name)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

/// A segment that somebody made without this library's lock.
class Foreign {
 public:
  explicit Foreign(std::string name)
      : name_(std::move(name)), file_(shm_open(name_.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600)) {
    EXPECT_GE(file_, 0) << name_;
  }
  ~Foreign() {
    close(file_);
    shm_unlink(name_.c_str());
  }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  int file() const { return file_; }

 private:
  std::string name_;
  int file_;
};

TEST(SharedSegmentTest, NamesAreRandom) {
  const std::string name = random_segment_name();
  EXPECT_TRUE(name.starts_with(segment_prefix));
  EXPECT_EQ(name.size(), std::string(segment_prefix).size() + 16);
  EXPECT_NE(name, random_segment_name());
}

TEST(SharedSegmentTest, ATakenNameIsNotUsedAgain) {
  // Before it is locked another process may take it for a remainder: then again.
  std::string taken;
  std::unique_ptr<Foreign> other;
  do {
    taken = random_segment_name();
    other = std::make_unique<Foreign>(taken);
    ASSERT_EQ(flock(other->file(), LOCK_EX), 0);
  } while (!exists(taken));
  int asked = 0;
  NamedSegment segment =
      create_segment(4096, [&] { return asked++ == 0 ? taken : random_segment_name(); });
  EXPECT_EQ(asked, 2);
  EXPECT_NE(segment.name(), taken);
  EXPECT_TRUE(exists(taken));
  EXPECT_THROW(create_segment(4096, [&] { return taken; }), core::ResourceError);
}

TEST(SharedSegmentTest, TheNameEndsWithTheSegmentAndTheMemoryStays) {
  Mapping mine;
  Mapping yours;
  std::string name;
  {
    NamedSegment segment = create_segment(100);
    name = segment.name();
    EXPECT_TRUE(exists(name));
    mine = segment.take_mapping();
    yours = open_segment(name, 100);
  }
  EXPECT_FALSE(exists(name));
  mine.data()[99] = std::byte{7};
  EXPECT_EQ(yours.data()[99], std::byte{7});
  EXPECT_EQ(yours.size(), 100U);
  EXPECT_THROW(open_segment(name, 100), core::ResourceError);
}

/// Pages that this thread was the first to touch.
long faults() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

TEST(SharedSegmentTest, PagesAreTouchedInTheBackground) {
  constexpr std::size_t size = (std::size_t{6} << 20) + 8;
  constexpr std::size_t page = 4096;
  constexpr int populate_write = 23;
  const Mapping first = create_segment(size).take_mapping();
  const bool able = madvise(first.data(), page, populate_write) == 0;
  std::jthread thread = touch_in_background(first);
  ASSERT_TRUE(thread.joinable());
  thread.join();
  const long before = faults();
  for (std::size_t i = 0; i < size; i += page) first.data()[i] = std::byte{1};
  const auto pages = static_cast<long>(size / page);
  EXPECT_LT(faults() - before, able ? pages / 10 : pages + 10);
  EXPECT_EQ(first.data()[size - 1], std::byte{0});

  // Used, stopped and unmapped before it has ended.
  for (int i = 0; i < 20; ++i) {
    const Mapping other = create_segment(size).take_mapping();
    const std::jthread touching = touch_in_background(other);
    other.data()[size / 2] = std::byte{7};
    EXPECT_EQ(other.data()[size / 2], std::byte{7});
  }
}

TEST(SharedSegmentTest, WhatSomebodyHoldsStays) {
  const NamedSegment segment = create_segment(100);
  remove_stale_segments();
  EXPECT_TRUE(exists(segment.name()));
}

TEST(SharedSegmentTest, WhatNobodyHoldsIsRemoved) {
  const std::string stale = random_segment_name();
  const std::string unrelated = "/kronwerk-test-" + stale.substr(stale.size() - 16);
  const Foreign first(stale);
  const Foreign second(unrelated);
  EXPECT_TRUE(is_removed_as_stale(stale));
  EXPECT_TRUE(exists(unrelated));
}

TEST(SharedSegmentTest, AZombieHoldsNothing) {
  const std::string name = random_segment_name();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const NamedSegment held = create_segment(4096, [&] { return name; });
    raise(SIGKILL);
  }
  siginfo_t end{};
  // Waits for the end and leaves the zombie.
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(end.si_status, SIGKILL);
  EXPECT_EQ(kill(child, 0), 0);
  EXPECT_TRUE(is_removed_as_stale(name));
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace kronwerk::communication
