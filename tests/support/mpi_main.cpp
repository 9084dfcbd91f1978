// Runs GoogleTest under mpirun: rank 0 prints its results, every other rank its failures only, and
// all ranks return the largest exit code of any.
#include <gtest/gtest.h>
#include <petscsys.h>

#include <cstdio>

#include "kronwerk/operators/petsc/petsc_options.hpp"

namespace {

class FailuresOnly : public testing::EmptyTestEventListener {
 public:
  explicit FailuresOnly(int rank) : rank_(rank) {}

 private:
  void OnTestStart(const testing::TestInfo& test) override { test_ = &test; }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    // GoogleTest holds its lock here, so that it cannot be asked which test is running.
    std::fprintf(stderr, "[rank %d] %s.%s: %s:%d\n%s\n", rank_,
                 test_ != nullptr ? test_->test_suite_name() : "?",
                 test_ != nullptr ? test_->name() : "?",
                 result.file_name() != nullptr ? result.file_name() : "?", result.line_number(),
                 result.message());
  }
  int rank_;
  const testing::TestInfo* test_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (PetscInitialize(&argc, &argv, nullptr, nullptr) != 0) return 1;
  if (kronwerk::operators::keep_inner_products_alike() != 0) return 1;
  int rank = 0;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  if (rank != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailuresOnly(rank));
  }
  int result = RUN_ALL_TESTS();
  MPI_Allreduce(MPI_IN_PLACE, &result, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  PetscFinalize();
  return result;
}
