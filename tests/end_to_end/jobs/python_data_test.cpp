// What the reference says of data that Python reads, in its own words.
#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class PythonData : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (shell("/usr/bin/python3 -c 'import numpy, scipy'").code != 0) {
      GTEST_SKIP() << "needs Python's numpy and scipy (jobs/setup.sh plots)";
    }
    const char* source = std::getenv("KRONWERK_SOURCE_DIR");
    ASSERT_NE(source, nullptr);
    reference_ = read_text(std::filesystem::path(source) / "configs/README.md");
  }
  /// The block of the reference that begins so.
  std::string block(const std::string& beginning) const {
    const auto begin = reference_.find(beginning);
    EXPECT_NE(begin, std::string::npos) << beginning;
    return reference_.substr(begin, reference_.find("```", begin) - begin);
  }

  std::string reference_;
};

TEST_F(PythonData, ClassicNetcdfGoesThroughAnArchive) {
  write_text(path("make.py"), R"py(import numpy, scipy.io
with scipy.io.netcdf_file("wind.nc", "w") as file:
    file.createDimension("t", 3)
    file.createDimension("s", 2)
    file.createVariable("speed", "f4", ("t", "s"))[:] = [[1, 2], [3, 4], [5, 6.5]]
)py");
  ASSERT_EQ(shell("/usr/bin/python3 make.py").code, 0);
  write_text(path("recipe.py"), block("import numpy, scipy.io\n"));
  const Outcome recipe = shell("/usr/bin/python3 recipe.py");
  ASSERT_EQ(recipe.code, 0) << recipe.errors;
  const Outcome imported = serve(1, "import npy wind.npz --to data.h5:/wind");
  ASSERT_EQ(imported.code, 0) << imported.errors;
  EXPECT_EQ(imported.output, "data.h5:/wind: 3 x 2 values, 6 of them nonzero\n  written: /wind\n");
}

}  // namespace
}  // namespace kronwerk::end_to_end
