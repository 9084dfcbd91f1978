#pragma once

// Flow models as jobs and as dense matrices: 5 origins, 7 destinations.

#include <cmath>
#include <numbers>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {

using Numbers = std::vector<double>;
using oracle::Matrix;

class FlowTest : public ProgramTest {
 protected:
  static constexpr std::int64_t origins = 5;
  static constexpr std::int64_t destinations = 7;
  static constexpr std::int64_t cells = origins * destinations;

  void SetUp() override {
    ProgramTest::SetUp();
    if (program_.empty()) return;
    put_weights("/V", v_);
    put_weights("/W", w_);
    put("/u", {origins}, u_);
    put("/x", {destinations}, x_);
    put("/g", {origins, destinations}, g_);
    put("/y", {origins, destinations}, y_);
  }

  void put(const std::string& name, const std::vector<core::Index>& shape,
           const Numbers& values) const {
    io::DataFile file(path("flows.h5").string(), true);
    file.write_dense(name, shape, values);
    file.commit();
  }
  void put_weights(const std::string& name, const Matrix& matrix) const {
    io::DataFile file(path("flows.h5").string(), true);
    file.write_sparse(name, to_sparse(matrix));
    file.commit();
  }

  /// The last region of the origins has no neighbour.
  static Matrix with_island(Matrix w) {
    for (std::int64_t j = 0; j < w.cols; ++j) w(w.rows - 1, j) = 0;
    return w;
  }

  /// A fit of all three parameters with five columns; `rest` are further keys.
  static std::string job(const std::string& rest = "", const std::string& observed = "/y") {
    return fmt::format(R"yaml(task: fit
filter: "kron(I, I) - rho_o*kron(V, I) - rho_d*kron(I, W) - rho_w*kron(V, W)"
parameters: {{rho_o: 0.1, rho_d: 0.1, rho_w: 0}}
matrices:
  V: {{file: flows.h5, dataset: /V}}
  W: {{file: flows.h5, dataset: /W}}
  u: {{file: flows.h5, dataset: /u}}
  x: {{file: flows.h5, dataset: /x}}
  g: {{file: flows.h5, dataset: /g}}
mean:
  columns: ["kron(1, 1)", "kron(u, 1)", "kron(1, x)", "kron(1, W*x)", "grid(g)"]
observations: {{file: flows.h5, dataset: {}}}
fit: {{parameters: {{rho_o: {{}}, rho_d: {{}}, rho_w: {{}}}}}}
output: {{file: results/out.h5, overwrite: true}}
{})yaml",
                       observed, rest);
  }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }

  Matrix dense(double o, double d, double w) const {
    Matrix result = oracle::identity(cells);
    result = oracle::add(1, result, -o, oracle::kron(v_, oracle::identity(destinations)));
    result = oracle::add(1, result, -d, oracle::kron(oracle::identity(origins), w_));
    return oracle::add(1, result, -w, oracle::kron(v_, w_));
  }
  /// (N, 5)
  Matrix design() const {
    const Numbers lagged = oracle::multiply(w_, x_);
    Matrix z(cells, 5);
    for (std::int64_t i = 0; i < cells; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto j = static_cast<std::size_t>(i % destinations);
      const double row[] = {1, u_[static_cast<std::size_t>(i / destinations)], x_[j], lagged[j],
                            g_[at]};
      for (std::int64_t c = 0; c < 5; ++c) z(i, c) = row[c];
    }
    return z;
  }

  Matrix v_ = with_island(weights("directed", origins));
  Matrix w_ = weights("dense", destinations);
  Numbers u_ = oracle::random_vector(origins, 5);
  Numbers x_ = oracle::random_vector(destinations, 6);
  Numbers g_ = oracle::random_vector(cells, 8);
  Numbers y_ = oracle::random_vector(cells, 21);
};

}  // namespace kronwerk::end_to_end
