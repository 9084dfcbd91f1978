// Every kind of job, ended at drawn moments again and again until it is through, against the same
// job undisturbed: by SIGTERM, after which what is finished is saved, and as by SIGKILL, after
// which there is what was there at that moment.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>

#include "application/job_test.hpp"
#include "application/session/signals.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::application {
namespace {

namespace fs = std::filesystem;
using core::Index;
using Numbers = std::vector<double>;

constexpr Index n = 12;
constexpr Index vectors = 7;
constexpr Index points = 150;

struct Kind {
  std::string name;
  std::string text;
  std::vector<std::string> datasets;
  double tolerance = 0;  ///< 0: the same bits

  friend void PrintTo(const Kind& kind, std::ostream* stream) { *stream << kind.text; }
};

std::vector<Kind> kinds() {
  const std::string only_matrices =
      "matrices: {W: {file: data.h5, dataset: /W}, A: {file: data.h5, dataset: /A}}\n";
  const std::string matrices = only_matrices + "input: {file: data.h5, dataset: /b}\n";
  const std::string gaussian = R"yaml(parameters: {eta: 1, ls: 0.5, sigma: 0.5}
kernels:
  K: {formula: "exponential(d, ls)", points: {file: data.h5, dataset: /x}}
covariance: "eta^2*kron(K, K) + sigma^2*I"
)yaml";
  const std::string flow = R"yaml(filter: "kron(I, I) - r*kron(W, I) - s*kron(I, W)"
parameters: {r: 0.1, s: 0.1}
matrices: {W: {file: data.h5, dataset: /W}}
mean: {columns: ["kron(1, 1)"]}
)yaml";
  std::string flow_with_coefficients = flow;
  flow_with_coefficients.insert(flow.rfind('}'), ", coefficients: [1]");
  return {
      {"apply", "task: apply\noperator: \"kron(W, A)\"\nbatch: 1\n" + matrices, {"/result"}},
      {"solve",
       "task: solve\nparameters: {r: 0.3}\noperator: \"kron(I - r*W, I - 0.4*A)\"\nbatch: 2\n"
       "gradient: {cotangent: ones, parameters: [r], input: true}\ntangent: {parameters: {r: "
       "1}}\n" +
           matrices,
       {"/result", "/gradient/input", "/gradient/r", "/tangent"}},
      {"krylov",
       "task: solve\nparameters: {r: 0.5}\noperator: \"kron(I, I) - r*kron(W, A) + 0.3*kron(A, W)\""
       "\nbatch: 3\nsolver: {method: krylov, tolerance: 1e-12}\n"
       "gradient: {cotangent: ones, parameters: [r], input: true}\n" +
           matrices,
       {"/result", "/gradient/input", "/gradient/r"},
       1e-9},
      {"kernel",
       "task: solve\nkernels:\n  K: {formula: \"exponential(d, 0.5)\", points: {file: data.h5, "
       "dataset: /p}, storage: lazy}\noperator: \"K + 0.1*I\"\ninput: {file: data.h5, dataset: "
       "/v}\n"
       "solver: {method: krylov, preconditioner: none, tolerance: 1e-12}\n",
       {"/result"},
       1e-9},
      {"assemble",
       "task: assemble\noperator: \"kron(W, A)\"\nbatch: 20\n" + only_matrices,
       {"/result"}},
      {"expm", "task: expm\noperator: \"kronsum(W, A)\"\nbatch: 3\n" + matrices, {"/result"}},
      {"sample", "task: sample\ndraws: 9\nseed: 4\n" + gaussian, {"/result"}},
      {"predict",
       "task: predict\nobservations: {file: data.h5, dataset: /y}\ndraws: 3\nnoise: true\n" +
           gaussian + "new_points: {K: {file: data.h5, dataset: /new}}\n",
       {"/mean", "/variance", "/draws"}},
      {"reduce",
       "task: reduce\npoints:\n  x: {file: data.h5, dataset: /many, index: i}\n"
       "  y: {file: data.h5, dataset: /p, index: j}\n"
       "formula: \"exp(-norm(x - y))*(1 + i)\"\nreduction: [sum, argmin]\n",
       {"/result/sum", "/result/argmin"}},
      {"reduce_over_i",
       "task: reduce\npoints:\n  x: {file: data.h5, dataset: /p, index: i}\n"
       "  y: {file: data.h5, dataset: /many, index: j}\n"
       "formula: \"sqdist(x, y)\"\nover: i\nreduction: kmin_argkmin\nk: 3\n",
       {"/result/kmin_argkmin", "/result/kmin_argkmin_index"}},
      {"fit",
       "task: fit\nobservations: {file: data.h5, dataset: /y}\n" + gaussian +
           "fit: {parameters: {eta: {}, sigma: {}}, starts: 2}\n",
       {"/parameters/eta", "/standard_error/sigma", "/history"}},
      {"flow_fit",
       "task: fit\n" + flow +
           "observations: {file: data.h5, dataset: /b}\n"
           "fit: {parameters: {r: {}, s: {}}, starts: 2}\n",
       {"/parameters/r", "/history"}},
      {"posterior",
       "task: posterior\nobservations: {file: data.h5, dataset: /y}\n" + gaussian +
           "posterior: {parameters: {eta: {prior: \"half_normal(2)\"}, sigma: {prior: "
           "\"half_normal(1)\"}}, chains: 2, warmup: 60, draws: 200}\n",
       {"/posterior/eta", "/posterior/sigma", "/sample_stats/lp", "/sample_stats/step_size"}},
      {"regression_posterior",
       "task: posterior\nobservations: {file: data.h5, dataset: /y}\n" + gaussian +
           "mean: {columns: [\"kron(1, 1)\"]}\n"
           "posterior: {parameters: {eta: {prior: \"half_normal(2)\"}, sigma: {prior: "
           "\"half_normal(1)\"}}, chains: 2, warmup: 60, draws: 200}\n",
       {"/posterior/eta", "/posterior/coefficients", "/sample_stats/lp"}},
      {"latent_posterior",
       "task: posterior\nobservations: {file: data.h5, dataset: /counts}\n"
       "likelihood: {family: poisson}\nmean: {columns: [\"kron(1, 1)\"]}\n"
       "parameters: {eta: 1, ls: 0.5}\n"
       "kernels:\n  K: {formula: \"exponential(d, ls)\", points: {file: data.h5, dataset: /few}}\n"
       "covariance: \"eta^2*kron(K, K)\"\n"
       "posterior: {parameters: {eta: {prior: \"half_normal(1)\"}}, chains: 2, warmup: 50, draws: "
       "120}\n",
       {"/posterior/eta", "/posterior/coefficients", "/sample_stats/lp"}},
      {"flow_posterior",
       "task: posterior\n" + flow +
           "observations: {file: data.h5, dataset: /b}\n"
           "posterior: {parameters: {r: {}, s: {}}, chains: 2, warmup: 60, draws: 200}\n",
       {"/posterior/r", "/posterior/sigma2", "/posterior/coefficients"}},
      {"flow_sample",
       "task: sample\nsigma2: 0.5\ndraws: 6\n" + flow_with_coefficients,
       {"/result"}},
      {"graph",
       "task: graph\nextents: [12, 12]\npenalty: r\nsweep: {r: [0.3, 0.5, 0.4, 0.2]}\n"
       "input: {file: data.h5, dataset: /b}\n",
       {"/path/1/factor/1/data", "/path/4/factor/2/indptr", "/extended_bic", "/parameters/r"},
       1e-6},
      {"sweep",
       "task: solve\noperator: \"kron(I - r*W, I - 0.4*A)\"\n"
       "sweep: {r: {from: 0, to: 0.9, count: 5}}\n" +
           matrices,
       {"/result"}},
  };
}

class InterruptedJob : public JobTest, public testing::WithParamInterface<Kind> {
 protected:
  InterruptedJob() : JobTest(fast_disk()) {
    if (comm_.is_root()) write_data();
    comm_.barrier();
  }
  ~InterruptedJob() override {
    observe_termination_checks({});
    forget_termination();
  }

  /// Every iteration is saved, which takes a disk its time.
  static fs::path fast_disk() {
    const fs::path memory = "/dev/shm";
    return fs::exists(memory) ? memory : fs::temp_directory_path();
  }

  void write_data() const {
    const auto write = [&](io::DataFile& file, const std::string& path, std::vector<Index> shape,
                           std::uint64_t seed, double factor = 1) {
      Numbers values = oracle::random_vector(core::product(shape), seed);
      for (double& each : values) each *= factor;
      file.write_dense(path, shape, values);
    };
    io::DataFile file(directory_ + "/data.h5");
    Numbers ring(n * n, 0.0);
    for (Index i = 0; i < n; ++i) ring[static_cast<std::size_t>(i * n + (i + 1) % n)] = 0.5;
    for (Index i = 0; i < n; ++i) ring[static_cast<std::size_t>(i * n + (i + 3) % n)] = 0.5;
    file.write_dense("/W", std::vector<Index>{n, n}, ring);
    write(file, "/A", {n, n}, 1, 0.1);
    write(file, "/b", {vectors, n, n}, 2);
    write(file, "/p", {points, 3}, 3);
    write(file, "/many", {3000, 3}, 8);
    write(file, "/v", {2, points}, 4);
    write(file, "/x", {n}, 5);
    write(file, "/new", {5}, 9);
    write(file, "/y", {2, n, n}, 6);
    write(file, "/few", {4}, 7);
    file.write_dense("/counts", std::vector<Index>{4, 4},
                     Numbers{0, 2, 1, 0, 3, 5, 1, 0, 0, 1, 2, 4, 7, 2, 1, 0});
    file.commit();
    std::ofstream(directory_ + "/job.yaml")
        << GetParam().text << "checkpoint: {every: 0}\noutput: results/out.h5\n";
  }

  Outcome run() const {
    const Outcome outcome = run_file();
    observe_termination_checks({});
    forget_termination();
    return outcome;
  }
  /// Does `act` on every rank at check number `wanted`, if the job comes to that.
  void at(Index wanted, std::function<void()> act) {
    observe_termination_checks([this, wanted, act] {
      if (++checks_ == wanted) act();
    });
    checks_ = 0;
  }

  std::string results() const { return directory_ + "/results"; }
  bool is_there() const {
    comm_.barrier();
    return fs::exists(results() + "/out.h5");
  }
  void on_root(const std::function<void()>& work) const { communication::on_root(comm_, work); }

  std::vector<Numbers> values() const {
    std::vector<Numbers> all;
    for (const auto& dataset : GetParam().datasets) {
      all.push_back(read(dataset, "results/out.h5"));
    }
    return all;
  }
  void expect_result(const std::vector<Numbers>& expected) const {
    const auto found = values();
    for (std::size_t d = 0; d < expected.size(); ++d) {
      if (GetParam().tolerance == 0) {
        EXPECT_EQ(found[d], expected[d]) << GetParam().datasets[d];
      } else {
        EXPECT_LE(oracle::relative_error(found[d], expected[d]), GetParam().tolerance)
            << GetParam().datasets[d];
      }
    }
    comm_.barrier();
    if (comm_.is_root()) {
      EXPECT_EQ(std::distance(fs::directory_iterator(results()), {}), 1) << "something is left";
    }
  }
  void clear() const {
    on_root([&] { fs::remove_all(results()); });
  }

  /// What a kill at that moment leaves.
  void run_and_kill(Index moment) {
    const std::string snapshot = directory_ + "/snapshot";
    on_root([&] { fs::remove_all(snapshot); });
    at(moment, [&] {
      on_root([&] {
        if (fs::exists(results())) fs::copy(results(), snapshot, fs::copy_options::recursive);
        fs::create_directories(snapshot);
      });
    });
    const Outcome outcome = run();
    EXPECT_EQ(outcome.code, 0) << outcome.message;
    on_root([&] {
      if (!fs::exists(snapshot)) return;  // it had ended before
      fs::remove_all(results());
      fs::rename(snapshot, results());
    });
  }
  void run_and_terminate(Index moment) {
    at(moment, [] { request_termination(SIGTERM); });
    const Outcome outcome = run();
    if (outcome.code == 0) return;  // likewise
    EXPECT_EQ(outcome.code, static_cast<int>(core::ExitCode::terminated)) << outcome.message;
    EXPECT_NE(outcome.message.find("no result was written"), std::string::npos);
    if (outcome.message.find("the same command goes on there") == std::string::npos) return;
    EXPECT_TRUE(fs::exists(results() + "/out.h5.state/journal")) << outcome.message;
    ++saved_;
  }

  Index checks_ = 0;
  int saved_ = 0;
};

TEST_P(InterruptedJob, EndsWithTheSameResult) {
  if (comm_.size() > 1 && GetParam().name.ends_with("posterior")) {
    GTEST_SKIP() << "as many draws as converge take long on more ranks than processors";
  }
  at(0, {});
  const Outcome whole = run();
  ASSERT_EQ(whole.code, 0) << whole.message;
  const Index checks = checks_;
  const auto expected = values();
  clear();
  const int moments = comm_.size() == 1 ? 20 : comm_.size() == 2 ? 6 : 2;
  std::mt19937 random(7);
  for (int turn = 0; turn < moments; ++turn) {
    const Index moment = std::uniform_int_distribution<Index>(1, checks)(random);
    SCOPED_TRACE(fmt::format("moment {} of {}", moment, checks));
    if (turn % 2 == 0) {
      run_and_terminate(moment);
    } else {
      run_and_kill(moment);
    }
    if (!is_there()) continue;
    expect_result(expected);
    clear();
  }
  const Outcome last = run();
  ASSERT_EQ(last.code, 0) << last.message;
  expect_result(expected);
  // On more ranks, few moments may all be before the first block.
  if (comm_.size() == 1) {
    EXPECT_GT(saved_, 0) << "nothing was ever kept";
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, InterruptedJob, testing::ValuesIn(kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace kronwerk::application
