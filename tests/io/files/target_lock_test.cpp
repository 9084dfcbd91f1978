// Who may write a file, and what may be written to. With several ranks, each is a process of its
// own that wants the same file at the same time.
#include "io/files/target_lock.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <optional>

#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk {
namespace {

namespace fs = std::filesystem;

using communication::Communicator;
using core::ErrorKind;
using io::Contention;
using io::TargetLock;
using test::expect_error;

class Target : public test::InDirectory {
 protected:
  Communicator alone_ = Communicator::duplicate(MPI_COMM_SELF);
  std::string target_ = directory_ / "run.h5";
  std::string lock_ = directory_ / ".run.h5.lock";

  void write_one(const std::string& file, double value) {
    io::ResultFile result(alone_, file, true);
    result.write_scalar("/values/result", value);
    result.commit();
  }
  static fs::perms mode(const std::string& file) { return fs::status(file).permissions(); }
};

TEST_F(Target, HasOneWriterOfAllProcesses) {
  for (const bool advisory : {true, false}) {
    TargetLock mine;
    bool refused = false;
    comm_.barrier();
    try {
      mine = TargetLock::acquire(target_, Contention::refuse, nullptr, advisory);
    } catch (const core::ConfigurationError& error) {
      refused = std::string(error.what()).find("is writing this file") != std::string::npos;
    }
    EXPECT_NE(refused, static_cast<bool>(mine));
    EXPECT_EQ(comm_.sum(core::Index{mine ? 1 : 0}), 1) << advisory;
    comm_.barrier();
    mine.release();
    comm_.barrier();
    EXPECT_FALSE(fs::exists(lock_));
    comm_.barrier();
  }
}

TEST_F(Target, OfTwoJobsHasTheResultOfTheFirst) {
  const std::string name = directory_ / "results/run.h5";
  std::optional<io::ResultFile> first;
  if (comm_.is_root()) first.emplace(alone_, name, true);
  comm_.barrier();
  if (comm_.rank() == 1 || comm_.size() == 1) {
    expect_error(ErrorKind::configuration, "another job is writing this file (process ",
                 [&] { io::ResultFile(alone_, name, true); });
  }
  comm_.barrier();
  if (first) {
    first->write_scalar("/values/result", 1);
    first->commit();
  }
  comm_.barrier();
  EXPECT_EQ(io::read_numbers(comm_, {name, "/values"}).at("result"), 1);
  comm_.barrier();
  serially([&] { write_one(name, 2); });
  EXPECT_EQ(io::read_numbers(comm_, {name, "/values"}).at("result"), 2);
}

TEST_F(Target, TakesTheDataSetsOfAllImportsAtTheSameTime) {
  constexpr int each = 15;
  comm_.barrier();
  for (int i = 0; i < each; ++i) {
    io::DataFile data(target_);
    data.write_dense("/of" + std::to_string(comm_.rank()) + "/n" + std::to_string(i),
                     core::Extents{1}, std::vector<double>{1.0 * i});
    data.commit();
  }
  comm_.barrier();
  for (int rank = 0; rank < comm_.size(); ++rank) {
    EXPECT_EQ(io::read_numbers(comm_, {target_, "/of" + std::to_string(rank)}).size(),
              static_cast<std::size_t>(each));
  }
  EXPECT_EQ(directory_.file_count(), 1U);
  comm_.barrier();
}

TEST_F(Target, OfAJobIsNotWaitedForByAnImportUnlessThatIsStopped) {
  serially([&] {
    {
      const io::ResultFile job(alone_, target_, true);
      expect_error(ErrorKind::configuration, "another job is writing this file",
                   [&] { io::DataFile(target_, true); });
    }
    const io::DataFile import(target_);
    expect_error(ErrorKind::configuration, "an import is writing this file",
                 [&] { write_one(target_, 1); });
    expect_error(ErrorKind::terminated, "terminated while waiting",
                 [&] { io::DataFile(target_, true, [] { return true; }); });
  });
}

TEST_F(Target, OfADeadWriterIsTakenOver) {
  serially([&] {
    const std::string dead = io::process_id().substr(0, io::process_id().rfind('-')) + "-1 job\n";
    for (const bool advisory : {true, false}) {
      test::write_text(lock_, dead);
      EXPECT_TRUE(TargetLock::acquire(target_, Contention::refuse, nullptr, advisory)) << advisory;
      EXPECT_FALSE(fs::exists(lock_));
    }
    // Without locks, nobody can tell whether a process of another host lives.
    test::write_text(lock_, "other-host-17-1 job\n");
    expect_error(ErrorKind::configuration, "if there is no such process any more, remove " + lock_,
                 [&] { TargetLock::acquire(target_, Contention::refuse, nullptr, false); });
    EXPECT_TRUE(TargetLock::acquire(target_, Contention::refuse));
  });
}

TEST_F(Target, ThatIsNoRegularFileIsRefusedAndStays) {
  serially([&] {
    const std::string fifo = directory_ / "fifo";
    const std::string device = directory_ / "device";
    const std::string socket = directory_ / "socket";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    fs::create_symlink("/dev/null", device);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    for (const auto& [file, kind] :
         std::vector<std::pair<std::string, std::string>>{{fifo, "is a FIFO"},
                                                          {device, "is a device"},
                                                          {"/dev/full", "is a device"},
                                                          {socket, "is a socket"},
                                                          {directory_.name(), "is a directory"}}) {
      const auto before = fs::status(file).type();
      expect_error(ErrorKind::configuration, kind, [&, &file = file] { write_one(file, 1); });
      expect_error(ErrorKind::configuration, kind, [&file = file] { io::DataFile(file, true); });
      EXPECT_EQ(fs::status(file).type(), before);
    }
    EXPECT_TRUE(fs::is_symlink(device));
    ::close(listener);
    EXPECT_EQ(directory_.file_count(), 3U);
  });
}

TEST_F(Target, KeepsItsModeWhenItIsReplaced) {
  serially([&] {
    using fs::perms;
    const auto own = perms::owner_read | perms::owner_write;
    for (const auto wanted : {own, own | perms::group_read, perms::owner_read}) {
      write_one(target_, 1);
      fs::permissions(target_, wanted);
      {
        io::ResultFile result(alone_, target_, true);
        for (const auto& entry : fs::directory_iterator(directory_.name())) {
          if (entry.path().extension() != ".part") continue;
          EXPECT_EQ(entry.status().permissions() & ~own, wanted & ~own) << "while it is written";
        }
        result.commit();
      }
      EXPECT_EQ(mode(target_), wanted);
      io::DataFile data(target_);
      data.write_dense("/x", core::Extents{1}, std::vector<double>{1});
      data.commit();
      EXPECT_EQ(mode(target_), wanted);
      fs::remove(target_);
    }
  });
}

TEST_F(Target, BehindASymbolicLinkIsWrittenAndTheLinkStays) {
  serially([&] {
    fs::create_directory(directory_ / "elsewhere");
    const std::string link = directory_ / "latest.h5";
    const std::string file = directory_ / "elsewhere/first.h5";
    fs::create_symlink("elsewhere/first.h5", link);  // does not exist yet
    for (const double value : {1.0, 2.0}) {
      write_one(link, value);
      EXPECT_TRUE(fs::is_symlink(link));
      EXPECT_EQ(io::read_numbers(alone_, {file, "/values"}).at("result"), value);
    }
    // One target under two names is still one target.
    const io::ResultFile job(alone_, file, true);
    expect_error(ErrorKind::configuration, "another job is writing", [&] { write_one(link, 3); });
    const std::string loop = directory_ / "loop.h5";
    fs::create_symlink("loop.h5", loop);
    expect_error(ErrorKind::configuration, "leads to no file name", [&] { write_one(loop, 1); });
  });
}

}  // namespace
}  // namespace kronwerk
