#include "adversary/material/material.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace kronwerk::adversary {
namespace {

/// A matrix or vector whose entries are given.
class Constant final : public Leaf {
 public:
  explicit Constant(Matrix value) : value_(constant(std::move(value))) {}
  Value evaluate(const Parameters& /*parameters*/) const override { return value_; }

 private:
  Value value_;
};

std::string list(const Grid& grid) {
  return fmt::format("{}", fmt::join(grid, "x"));
}

/// The stored entries in compressed rows; zeros are not stored.
io::SparseMatrix compress(const Dataset& dataset) {
  io::SparseMatrix sparse;
  sparse.rows = dataset.shape[0];
  sparse.cols = dataset.shape[1];
  sparse.row_offsets.push_back(0);
  for (Index i = 0; i < sparse.rows; ++i) {
    for (Index j = 0; j < sparse.cols; ++j) {
      const double value = dataset.values[static_cast<std::size_t>(i * sparse.cols + j)];
      if (value == 0) continue;
      sparse.column_indices.push_back(static_cast<std::int32_t>(j));
      sparse.values.push_back(value);
    }
    sparse.row_offsets.push_back(std::ssize(sparse.values));
  }
  return sparse;
}

}  // namespace

const std::vector<KernelFunction>& kernel_functions() {
  static const Real root3 = std::sqrt(Real{3});
  static const Real root5 = std::sqrt(Real{5});
  static const std::vector<KernelFunction> functions{
      {"rbf", [](Real r) { return std::exp(-r * r / 2); },
       [](Real r) { return -r * std::exp(-r * r / 2); }},
      {"exponential", [](Real r) { return std::exp(-r); }, [](Real r) { return -std::exp(-r); }},
      {"matern32", [](Real r) { return (1 + root3 * r) * std::exp(-root3 * r); },
       [](Real r) { return -3 * r * std::exp(-root3 * r); }},
      {"matern52", [](Real r) { return (1 + root5 * r + 5 * r * r / 3) * std::exp(-root5 * r); },
       [](Real r) { return -5 * r * (1 + root5 * r) / 3 * std::exp(-root5 * r); }}};
  return functions;
}

Points random_points(Random& random, Index count) {
  Points result{count, 1 + random.below(2), {}};
  for (Index i = 0; i < count * result.dimension; ++i) {
    result.values.push_back(random.between(0, 2));
  }
  return result;
}

Real distance(const Points& a, Index i, const Points& b, Index j) {
  Real squares = 0;
  for (Index c = 0; c < a.dimension; ++c) {
    const Real difference =
        static_cast<Real>(a.values[static_cast<std::size_t>(i * a.dimension + c)]) -
        b.values[static_cast<std::size_t>(j * b.dimension + c)];
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

Value KernelLeaf::evaluate(const Parameters& parameters) const {
  const Real scale = parameters.at(scale_);
  Value result;
  result.value = result.size = Matrix(rows_.count, cols_.count);
  Matrix derivative(rows_.count, cols_.count);
  Matrix derivative_size(rows_.count, cols_.count);
  for (Index i = 0; i < rows_.count; ++i) {
    for (Index j = 0; j < cols_.count; ++j) {
      const Real ratio = distance(rows_, i, cols_, j) / scale;
      const Real value = function_.value(ratio);
      const Real slope = function_.slope(ratio);
      result.value(i, j) = value + (i == j ? jitter_ : 0);
      result.size(i, j) = value * (4 + ratio + ratio * ratio) + jitter_;
      derivative(i, j) = -slope * ratio / scale;
      derivative_size(i, j) = std::abs(derivative(i, j)) * (8 + ratio + ratio * ratio);
    }
  }
  result.derivatives[scale_] = std::move(derivative);
  result.derivative_sizes[scale_] = std::move(derivative_size);
  return result;
}

std::string Material::add_parameter(double value, const std::string& stem) {
  const std::string name = next(stem);
  parameters_[name] = value;
  return name;
}

std::string Material::add_matrix(const Factor& factor, bool sparse) {
  const std::string name = next("M");
  datasets_.push_back({"/" + name, {factor.rows, factor.cols}, factor.values, sparse});
  leaves_[name] = std::make_shared<Constant>(to_matrix(factor));
  entries_[name] = fmt::format("{{file: data.h5, dataset: /{}}}", name);
  kinds_[name] =
      fmt::format("{} {}x{}{}", factor.kind, factor.rows, factor.cols, sparse ? ", sparse" : "");
  return name;
}

std::string Material::add_given(Random& random, const Factor& factor, const std::string& form) {
  const std::string name = next("M");
  const Index n = factor.rows;
  Matrix covariance;
  if (form == "cholesky") {
    Factor lower = factor;  // any matrix with a positive diagonal, its upper part left out
    for (Index i = 0; i < n; ++i) {
      for (Index j = i; j < n; ++j) lower(i, j) = i == j ? 0.3 + std::abs(lower(i, i)) : 0;
    }
    if (random.one_in(4)) {
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < i; ++j) lower(i, j) = 0;
      }
    }
    covariance = to_matrix(lower) * to_matrix(lower).transpose();
    datasets_.push_back({"/" + name, {n, n}, lower.values, false});
  } else {
    const Factor vectors = from_matrix(random_orthogonal(random, n), "vectors");
    const std::vector<double> values = random_positive(random, n);
    covariance = Matrix::Zero(n, n);
    const Matrix v = to_matrix(vectors);
    for (Index k = 0; k < n; ++k) {
      covariance += values[static_cast<std::size_t>(k)] * v.col(k) * v.col(k).transpose();
    }
    datasets_.push_back({"/" + name + "/vectors", {n, n}, vectors.values, false});
    datasets_.push_back({"/" + name + "/values", {n}, values, false});
  }
  leaves_[name] = std::make_shared<Constant>(std::move(covariance));
  entries_[name] = fmt::format("{{file: data.h5, dataset: /{}, given_as: {}}}", name, form);
  kinds_[name] = "given as " + form;
  return name;
}

std::string Material::add_vector(const std::vector<double>& values, const Grid& shape) {
  const std::string name = next("v");
  datasets_.push_back({"/" + name, shape, values, false});
  leaves_[name] = std::make_shared<Constant>(to_vector(values, 0, std::ssize(values)));
  entries_[name] = fmt::format("{{file: data.h5, dataset: /{}}}", name);
  kinds_[name] = "vector of " + list(shape);
  return name;
}

std::string Material::add_kernel(const KernelFunction& function, const Points& points,
                                 const std::string& scale, double jitter) {
  const std::string name = next("K");
  const Grid shape =
      points.dimension == 1 ? Grid{points.count} : Grid{points.count, points.dimension};
  datasets_.push_back({"/" + name, shape, points.values, false});
  leaves_[name] = std::make_shared<KernelLeaf>(function, scale, points, points, jitter);
  kernels_[name] = fmt::format(
      "{{formula: \"{}(d, {})\", points: {{file: data.h5, dataset: /{}}}{}}}", function.name, scale,
      name, jitter == 0 ? "" : fmt::format(", jitter: {}", jitter));
  scales_[name] = scale;
  kinds_[name] = fmt::format("{} of {} points", function.name, points.count);
  return name;
}

std::string Material::add_dataset(const std::string& stem, const Grid& shape,
                                  const std::vector<double>& values) {
  const std::string path = "/" + next(stem);
  datasets_.push_back({path, shape, values, false});
  return path;
}

void Material::add_estimate(const std::string& path, const Grid& shape,
                            const std::vector<double>& values) {
  datasets_.push_back({path, shape, values, false, {}, "fit.h5"});
}

void Material::add_estimate(const std::string& path, const std::vector<std::string>& texts) {
  datasets_.push_back({path, {}, {}, false, texts, "fit.h5"});
}

void Material::add_ones(const std::string& text, Index extent) {
  leaves_[text] = std::make_shared<Constant>(Matrix::Ones(extent, extent));
}

std::string Material::yaml(const std::set<std::string>& used) const {
  std::string numbers;
  std::string matrices;
  std::string kernels;
  std::set<std::string> all = used;
  for (const std::string& name : used) {
    if (scales_.contains(name)) all.insert(scales_.at(name));
  }
  for (const std::string& name : all) {
    if (parameters_.contains(name)) {
      numbers += fmt::format("{}{}: {}", numbers.empty() ? "" : ", ", name, parameters_.at(name));
    }
    if (entries_.contains(name)) matrices += fmt::format("  {}: {}\n", name, entries_.at(name));
    if (kernels_.contains(name)) kernels += fmt::format("  {}: {}\n", name, kernels_.at(name));
  }
  std::string text;
  if (!numbers.empty()) text += "parameters: {" + numbers + "}\n";
  if (!matrices.empty()) text += "matrices:\n" + matrices;
  if (!kernels.empty()) text += "kernels:\n" + kernels;
  return text;
}

void Material::write(const std::string& folder) const {
  for (const char* name : {"data.h5", "fit.h5"}) {
    io::DataFile file(folder + "/" + name, true);
    for (const Dataset& dataset : datasets_) {
      if (dataset.file != name) continue;
      if (!dataset.texts.empty()) {
        file.write_strings(dataset.path, dataset.texts);
      } else if (dataset.sparse) {
        file.write_sparse(dataset.path, compress(dataset));
      } else {
        file.write_dense(dataset.path, dataset.shape, dataset.values);
      }
    }
    file.commit();
  }
}

std::string Material::kinds(const std::set<std::string>& used) const {
  std::string text;
  for (const std::string& name : used) {
    if (!kinds_.contains(name)) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", name, kinds_.at(name));
  }
  return text;
}

std::set<std::string> names_in(const NodePtr& node) {
  std::set<std::string> result;
  if (node->kind == Kind::parameter || node->kind == Kind::matrix || node->kind == Kind::diagonal) {
    result.insert(node->name);
  }
  if (node->kind == Kind::eye && node->name.find('(') != std::string::npos) {
    const auto begin = node->name.find('(') + 1;
    result.insert(node->name.substr(begin, node->name.find(')') - begin));
  }
  for (const NodePtr& argument : node->arguments) result.merge(names_in(argument));
  return result;
}

std::string list_text(const std::vector<double>& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

}  // namespace kronwerk::adversary
