#include "application/restart/checkpoint.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>

#include "application/restart/kept_blocks.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "support/shared_directory.hpp"

namespace kronwerk::application {
namespace {

namespace fs = std::filesystem;
using core::Index;
using Numbers = std::vector<double>;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() { write_data("first"); }

  void write_data(const std::string& text) const {
    if (comm_.is_root()) std::ofstream(directory_ + "/data.h5") << text;
    comm_.barrier();
  }
  std::string folder() const { return directory_ + "/out.h5.state"; }
  bool exists() const {
    comm_.barrier();
    return fs::exists(folder());
  }
  Index files() const {
    comm_.barrier();
    return std::distance(fs::directory_iterator(folder()), {});
  }

  /// What one run of a job has, from its beginning.
  struct Run {
    Run(const CheckpointTest& test, const std::string& changes = "", double every = 0)
        : job(configuration::parse_job(R"yaml(task: solve
matrices: {W: {file: data.h5, dataset: /W}}
operator: "kron(W, W)"
input: {random: normal}
output: {file: out.h5, overwrite: true}
)yaml" + changes,
                                       test.directory_ + "/job.yaml")),
          stages(test.comm_, true),
          file(test.comm_, job.output.file, true),
          checkpoint(test.comm_, job, stages),
          context{test.comm_, job, stages, report, file, checkpoint} {
      job.checkpoint_seconds = every;
      checkpoint.open(file);
    }
    configuration::Job job;
    Stages stages;
    Report report;
    io::ResultFile file;
    Checkpoint checkpoint;
    JobContext context;
  };

  /// This rank's part of 0, 1, …, 9.
  Numbers part() const {
    Numbers values(static_cast<std::size_t>(begin(comm_.rank() + 1) - begin(comm_.rank())));
    std::iota(values.begin(), values.end(), static_cast<double>(begin(comm_.rank())));
    return values;
  }
  Index begin(int rank) const { return Index{10} * rank / comm_.size(); }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  SharedDirectory temporary_{comm_};
  const std::string& directory_ = temporary_.name();
};

TEST_F(CheckpointTest, GoesOnWithWhatWasSaved) {
  {
    Run run(*this);
    EXPECT_FALSE(run.checkpoint.resumes());
    EXPECT_FALSE(exists());
    run.checkpoint.set("numbers", {0.1, 1e-300});
    run.checkpoint.set_text("text", "two\nlines");
    run.checkpoint.set_vector("x", 10, begin(comm_.rank()), part());
    run.checkpoint.save();
    run.checkpoint.set("numbers", {2});  // not saved
    run.checkpoint.set_vector("x", 10, begin(comm_.rank()), Numbers(part().size(), 7));
  }
  Run run(*this);
  ASSERT_TRUE(run.checkpoint.resumes());
  EXPECT_EQ(*run.checkpoint.numbers("numbers"), (Numbers{0.1, 1e-300}));
  EXPECT_EQ(*run.checkpoint.text("text"), "two\nlines");
  EXPECT_EQ(run.checkpoint.numbers("text"), nullptr);
  EXPECT_FALSE(run.checkpoint.has_vector("x", 11));
  ASSERT_TRUE(run.checkpoint.has_vector("x", 10));
  Numbers values(part().size());
  run.checkpoint.read_vector("x", begin(comm_.rank()), values);
  EXPECT_EQ(values, part());
  run.checkpoint.save();
  EXPECT_EQ(files(), 2);  // nothing stays of what was not saved
  comm_.barrier();
  run.checkpoint.remove();
  EXPECT_FALSE(exists());
}

TEST_F(CheckpointTest, TakesOverTheFinishedPartOfAResult) {
  constexpr Index count = 7;
  const core::Extents shape{count, 10};
  const auto compute = [&](Run& run, Index stop, bool save) {
    run.file.create_dataset("/result", shape);
    Statistics statistics;
    KeptBlocks blocks(run.context, "vectors", count, {{"/result", 10}}, {&statistics});
    const Index first = blocks.resume();
    for (Index block = first; block < stop; ++block) {
      Numbers values = part();
      for (double& value : values) value += 100 * static_cast<double>(block);
      run.file.write_range("/result", block * 10 + begin(comm_.rank()), values);
      statistics.add(values);
      if (save) blocks.finish(block + 1);
    }
    if (stop == count) {
      EXPECT_EQ(statistics.text(comm_).substr(0, 15), "min 0, max 609,");
    }
    return first;
  };
  {
    Run run(*this);
    EXPECT_EQ(compute(run, 3, true), 0);
  }
  for (int turn = 0; turn < 2; ++turn) {
    Run run(*this);  // killed before it saves again
    EXPECT_EQ(compute(run, count, false), 3);
    EXPECT_EQ(run.checkpoint.resumed(), "3 of 7 vectors");
  }
  Run run(*this);
  compute(run, count, true);
  run.file.commit();
  run.checkpoint.remove();
  EXPECT_FALSE(exists());
  Numbers values(static_cast<std::size_t>(count * 10));
  io::read_range(comm_, {run.job.output.file, "/result"}, 0, values);
  for (Index i = 0; i < std::ssize(values); ++i) {
    EXPECT_EQ(values[static_cast<std::size_t>(i)], static_cast<double>(100 * (i / 10) + i % 10));
  }
}

TEST_F(CheckpointTest, NoticesChangedData) {
  {
    Run run(*this);
    run.checkpoint.set("a", {1});
    run.checkpoint.save();
  }
  write_data("other");
  try {
    Run run(*this);
    FAIL() << "other data were taken";
  } catch (const core::DataError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("data.h5: has changed since"), std::string::npos) << text;
    EXPECT_NE(text.find("remove " + folder() + " to begin anew"), std::string::npos) << text;
  }
  write_data("first");  // the same again, later
  EXPECT_TRUE(Run(*this).checkpoint.resumes());
}

TEST_F(CheckpointTest, KeepsNothingOfDataThatChangeWhileTheyAreRead) {
  {
    Run run(*this);
    write_data("longer than it was");
    run.checkpoint.set("a", {1});
    run.checkpoint.save();
  }
  EXPECT_FALSE(Run(*this).checkpoint.resumes());
}

TEST_F(CheckpointTest, LeavesTheStateOfAnotherConfigurationUntilItIsReplaced) {
  {
    Run run(*this);
    run.checkpoint.set("a", {1});
    run.checkpoint.save();
  }
  {
    Run other(*this, "batch: 3\n");
    EXPECT_FALSE(other.checkpoint.resumes());
    EXPECT_EQ(other.checkpoint.numbers("a"), nullptr);
  }
  EXPECT_TRUE(Run(*this).checkpoint.resumes());
  {
    Run other(*this, "batch: 3\n");
    other.checkpoint.set("b", {2});
    other.checkpoint.save();
  }
  EXPECT_FALSE(Run(*this).checkpoint.resumes());
}

TEST_F(CheckpointTest, BeginsAnewWithWhatIsDamagedOrIncomplete) {
  const auto keep = [&] {
    Run run(*this);
    run.checkpoint.set_vector("x", 10, begin(comm_.rank()), part());
    run.checkpoint.save();
  };
  keep();
  if (comm_.is_root()) fs::resize_file(folder() + "/journal", 40);
  comm_.barrier();
  EXPECT_FALSE(Run(*this).checkpoint.resumes());
  keep();
  EXPECT_TRUE(Run(*this).checkpoint.resumes());
  if (comm_.is_root()) fs::remove(folder() + "/vector-1");
  comm_.barrier();
  EXPECT_FALSE(Run(*this).checkpoint.resumes());
}

TEST_F(CheckpointTest, IsDueByTime) {
  {
    Run rarely(*this, "", 1000);
    EXPECT_FALSE(rarely.checkpoint.due(Checkpoint::Cost::large));
    EXPECT_TRUE(rarely.checkpoint.due(Checkpoint::Cost::small));  // the first one
  }
  Run always(*this);
  EXPECT_TRUE(always.checkpoint.due(Checkpoint::Cost::large));
}

TEST_F(CheckpointTest, SavesAtTheEndWhatHasChanged) {
  {
    Run run(*this, "", 1000);
    EXPECT_EQ(run.checkpoint.save_at_end(), "");
    run.checkpoint.set("a", {1});
    EXPECT_NE(run.checkpoint.save_at_end().find(folder()), std::string::npos);
  }
  EXPECT_TRUE(Run(*this).checkpoint.resumes());
}

TEST_F(CheckpointTest, NothingIsKeptOfARepeat) {
  Run run(*this);
  run.stages.repeat(true, [&] {
    run.checkpoint.set("a", {1});
    EXPECT_FALSE(run.checkpoint.due(Checkpoint::Cost::small));
    run.checkpoint.save();
  });
  EXPECT_FALSE(exists());
  EXPECT_EQ(run.checkpoint.save_at_end(), "");
}

}  // namespace
}  // namespace kronwerk::application
