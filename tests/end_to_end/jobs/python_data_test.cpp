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

TEST_F(PythonData, PosteriorsOpenInXarrayAndArviz) {
  if (!has("arviz, netCDF4, xarray")) {
    GTEST_SKIP() << "posteriors are not opened in ArviZ: " << python_
                 << " has no arviz, netCDF4 or xarray; KRONWERK_TEST_PYTHON names another Python";
  }
  const std::string source = std::getenv("KRONWERK_SOURCE_DIR");
  const std::string data = source + "/configs/migration/migration.h5";
  write_text(path("job.yaml"), fmt::format(R"yaml(task: posterior
family: poisson
filter: "kron(I - r*W, eye(10))"
parameters: {{r: 0}}
matrices:
  W: {{file: {0}, dataset: /W}}
  distance: {{file: {0}, dataset: /log_distance}}
mean: {{columns: ["kron(1, 1)", "grid(distance)"]}}
observations: {{file: {0}, dataset: /migrants, mask: {{file: {0}, dataset: /distance}}}}
posterior:
  parameters: {{r: {{prior: "uniform(-0.9, 0.9)"}}}}
  chains: 3
  warmup: 150
  draws: 120
  log_likelihood: true
output: out.h5
)yaml",
                                           data));
  const Outcome sampled = serve(2, "run job.yaml");
  ASSERT_TRUE(sampled.code == 0 || sampled.code == 3) << sampled.errors;
  expect_script("open.py", R"py(import arviz, h5py, numpy, xarray
data = arviz.from_netcdf("out.h5")
assert set(data.groups()) >= {"posterior", "sample_stats", "log_likelihood", "observed_data"}, data.groups()
assert data.posterior["r"].dims == ("chain", "draw") and data.posterior["r"].shape == (3, 120)
assert list(data.posterior["column"].values) == ["kron(1, 1)", "grid(distance)"]
assert data.sample_stats["diverging"].dtype == bool
flows, terms = data.observed_data["flows"], data.log_likelihood["flows"]
assert terms.dims == ("chain", "draw") + flows.dims == ("chain", "draw", "origin", "destination")
numpy.testing.assert_array_equal(numpy.isnan(terms[0, 0]), numpy.isnan(flows))
# Its numbers of convergence are those of the report.
with h5py.File("out.h5") as file:
    ours = {name: file["summary"][name][:] for name in ("r_hat", "ess_bulk", "ess_tail")}
def values(found):
    return numpy.append(found["r"].values, found["coefficients"].values)
numpy.testing.assert_allclose(values(arviz.rhat(data.posterior)), ours["r_hat"], rtol=1e-6)
for method in ("bulk", "tail"):
    numpy.testing.assert_allclose(values(arviz.ess(data.posterior, method=method)), ours["ess_" + method], rtol=1e-6)
with xarray.open_dataset("out.h5", group="posterior", engine="netcdf4") as posterior:
    assert posterior["coefficients"].dims == ("chain", "draw", "column")
)py");
}

}  // namespace
}  // namespace kronwerk::end_to_end
