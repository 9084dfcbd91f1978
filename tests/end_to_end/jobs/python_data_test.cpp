// What the reference says of data that Python reads, in its own words.
#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class PythonData : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    const char* python = std::getenv("KRONWERK_TEST_PYTHON");
    if (python != nullptr) python_ = python;
    const char* source = std::getenv("KRONWERK_SOURCE_DIR");
    ASSERT_NE(source, nullptr);
    reference_ = read_text(std::filesystem::path(source) / "configs/data.md");
  }
  bool has(const std::string& modules) const {
    return shell(python_ + " -c 'import " + modules + "'").code == 0;
  }
  void expect_script(const std::string& name, const std::string& text) const {
    write_text(path(name), text);
    const Outcome outcome = shell(python_ + " " + name);
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
  }
  /// The block of the reference that begins so.
  std::string block(const std::string& beginning) const {
    const auto begin = reference_.find(beginning);
    EXPECT_NE(begin, std::string::npos) << beginning;
    return reference_.substr(begin, reference_.find("```", begin) - begin);
  }

  std::string python_ = "/usr/bin/python3";
  std::string reference_;
};

TEST_F(PythonData, ClassicNetcdfGoesThroughAnArchive) {
  if (!has("numpy, scipy")) {
    GTEST_SKIP() << python_ << " has no numpy or no scipy (jobs/setup.sh plots)";
  }
  expect_script("make.py", R"py(import numpy, scipy.io
with scipy.io.netcdf_file("wind.nc", "w") as file:
    file.createDimension("t", 3)
    file.createDimension("s", 2)
    file.createVariable("speed", "f4", ("t", "s"))[:] = [[1, 2], [3, 4], [5, 6.5]]
)py");
  expect_script("recipe.py", block("import numpy, scipy.io\n"));
  const Outcome imported = serve(1, "import npy wind.npz --to data.h5:/wind");
  ASSERT_EQ(imported.code, 0) << imported.errors;
  EXPECT_EQ(imported.output, "data.h5:/wind: 3 x 2 values, 6 of them nonzero\n  written: /wind\n");
}

TEST_F(PythonData, ParquetGoesThroughAnArchive) {
  if (!has("numpy, pandas, pyarrow")) {
    GTEST_SKIP() << "the recipe for Parquet is not tested: " << python_
                 << " has no pandas or no pyarrow; KRONWERK_TEST_PYTHON names another Python";
  }
  expect_script("make.py", R"py(import pandas
pandas.DataFrame({"station": ["a", "b", "c"], "speed": [1.5, 2, 0], "gust": [3, 0, 4]}).to_parquet("wind.parquet")
)py");
  expect_script("recipe.py", block("import numpy, pandas\n"));
  const Outcome imported = serve(1, "import npy wind.npz --to data.h5:/wind");
  ASSERT_EQ(imported.code, 0) << imported.errors;
  EXPECT_EQ(imported.count("written: /wind/gust, /wind/speed"), 1) << imported.output;
  const Result data(path("data.h5"));
  EXPECT_EQ(data.values("/wind/speed"), (std::vector<double>{1.5, 2, 0}));
  EXPECT_EQ(data.values("/wind/gust"), (std::vector<double>{3, 0, 4}));
}

}  // namespace
}  // namespace kronwerk::end_to_end
