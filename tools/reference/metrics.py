"""metrics.json: measures of two sets of images, from NumPy, SciPy and (where it is installed) torch-fidelity.

Everything is written here once more in the most direct form: the matrix root is SciPy's general one, distances are
differences, windows are two-dimensional. Features are filled; images are bytes made of filled numbers.
"""

import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.spatial.distance

from .filling import Filled
from .writing import agree


def means_and_covariances(*sets):
    return [value for features in sets for value in (features.mean(axis=0), np.cov(features, rowvar=False))]


def frechet(a, b):
    """The formula as it stands; of few images the root of a singular matrix is only good to 1e-6 or so."""
    mean1, cov1, mean2, cov2 = means_and_covariances(a, b)
    root = scipy.linalg.sqrtm(cov1 @ cov2)
    return ((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * np.trace(np.real(root))


def frechet_of_few(a, b):
    """Singular values of A B^T instead of covariances: exact, whatever the rank."""
    mean1, mean2 = a.mean(axis=0), b.mean(axis=0)
    scale = np.sqrt((len(a) - 1) * (len(b) - 1))
    root = np.linalg.svd((a - mean1) @ (b - mean2).T, compute_uv=False).sum() / scale
    variance = a.var(axis=0, ddof=1).sum() + b.var(axis=0, ddof=1).sum()
    return ((mean1 - mean2) ** 2).sum() + variance - 2 * root


def kid(a, b):
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    m = len(a)
    inner = sum(kernel(x, x).sum() - np.trace(kernel(x, x)) for x in (a, b)) / (m * (m - 1))
    return inner - 2 * kernel(a, b).sum() / m**2


def precision_recall(real, fake, k=3):
    def share_inside(points, centers):
        radii = np.sort(scipy.spatial.distance.cdist(centers, centers), axis=1)[:, k]
        return (scipy.spatial.distance.cdist(points, centers) <= radii).any(axis=1).mean()

    return share_inside(fake, real), share_inside(real, fake)


def two_sample(real, fake):
    both = np.concatenate([real, fake])
    distances = scipy.spatial.distance.cdist(both, both)
    np.fill_diagonal(distances, np.inf)
    is_real = np.arange(len(both)) < len(real)
    return (is_real[distances.argmin(axis=1)] == is_real).mean()


def diversity(real, fake):
    return scipy.spatial.distance.pdist(fake).mean() / scipy.spatial.distance.pdist(real).mean()


def memorization(learned, held_out, fake):
    nearest = [scipy.spatial.distance.cdist(points, learned).min(axis=1).mean() for points in (fake, held_out)]
    return nearest[0] / nearest[1]


def class_score(logits, splits):
    scores = []
    for i in range(splits):
        part = logits[i * len(logits) // splits : (i + 1) * len(logits) // splits]
        logs = part - scipy.special.logsumexp(part, axis=1, keepdims=True)
        p = np.exp(logs)
        scores.append(np.exp((p * (logs - np.log(p.mean(axis=0)))).sum(axis=1).mean()))
    return np.mean(scores), np.std(scores)


def color_distance(a, b):
    def histogram(images):
        pixels = images.reshape(-1, images.shape[-1])
        return np.histogramdd(pixels, bins=8, range=[(0, 256)] * images.shape[-1])[0] / len(pixels)

    p, q = histogram(a), histogram(b)
    filled = p + q > 0
    return 0.5 * ((p - q)[filled] ** 2 / (p + q)[filled]).sum()


def ink(real, fake):
    a, b = (images.reshape(len(images), -1).mean(axis=1) for images in (real, fake))
    return b.mean() / a.mean(), b.var(ddof=1) / a.var(ddof=1)


def ms_ssim(a, b):
    """One pair (height, width, channels) of sides divisible by 16, by two-dimensional windows."""
    product = 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        size = min(11, *a.shape[:2])
        place = np.arange(size) - (size - 1) / 2
        bell = np.exp(-(place**2) / (2 * (1.5 * size / 11) ** 2))
        window = np.outer(bell, bell)[:, :, None] / bell.sum() ** 2
        under = lambda x: scipy.signal.fftconvolve(x, window, mode="valid", axes=(0, 1))  # noqa: B023, E731
        m1, m2 = under(a), under(b)
        s11, s22, s12 = under(a * a) - m1 * m1, under(b * b) - m2 * m2, under(a * b) - m1 * m2
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        contrast = (2 * s12 + c2) / (s11 + s22 + c2)
        ssim = contrast * (2 * m1 * m2 + c1) / (m1 * m1 + m2 * m2 + c1)
        product *= max(0.0, (ssim if scale == 4 else contrast).mean()) ** weight
        if scale < 4:
            a, b = (x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).mean(axis=(1, 3)) for x in (a, b))
    return product


def laplacian_level(image, level, levels):
    """A level of the pyramid as `progressive_growing_of_gans` makes it, for an image (height, width, channels)."""
    taps = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[:, :, None] / 256.0

    def halved(x):
        return scipy.ndimage.convolve(x, taps, mode="mirror")[::2, ::2]

    def doubled(x, shape):
        wide = np.zeros(shape)
        wide[::2, ::2] = x
        return scipy.ndimage.convolve(wide, taps * 4, mode="mirror")

    for _ in range(level):
        image = halved(image)
    return image - doubled(halved(image), image.shape) if level + 1 < levels else image


def pca_variances(images, count):
    pixels = images.reshape(len(images), -1) / 255.0
    return np.linalg.svd(pixels - pixels.mean(axis=0), compute_uv=False)[:count] ** 2 / (len(images) - 1)


def bytes_of(spec):
    """Filled numbers in [0, 256) as bytes."""
    return np.floor(spec.array())


def check_with_torch_fidelity(a, b, logits, found):
    """Its own arithmetic on the same features, if it is there."""
    try:
        from torch_fidelity.metric_fid import fid_statistics_to_metric
        from torch_fidelity.metric_isc import isc_features_to_metric
        from torch_fidelity.metric_kid import kid_features_to_metric
        from torch_fidelity.metric_prc import prc_features_to_metric
    except ImportError as why:
        print(f"metrics: not compared with torch-fidelity ({why})")
        return
    import torch

    a, b, logits = (torch.tensor(x) for x in (a, b, logits))
    statistics = [{"mu": x.numpy().mean(axis=0), "sigma": np.cov(x.numpy(), rowvar=False)} for x in (a, b)]
    fid = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    agree("frechet of torch-fidelity", found["frechet"], fid, 1e-9)
    all_of_them = {"kid_subsets": 1, "kid_subset_size": len(a), "rng_seed": 1, "verbose": False}
    one = kid_features_to_metric(a, b, **all_of_them)["kernel_inception_distance_mean"]
    agree("kid of torch-fidelity", found["kid"], one, 1e-9)
    both = prc_features_to_metric(b, a, prc_neighborhood=3, prc_batch_size=1000, verbose=False, save_cpu_ram=False)
    agree("precision of torch-fidelity", found["precision"], both["precision"], 1e-6)  # a mean in float32
    agree("recall of torch-fidelity", found["recall"], both["recall"], 1e-6)
    score = isc_features_to_metric(logits, splits=5, shuffle=False, rng_seed=1)
    agree("class score of torch-fidelity", found["class_score"], score["inception_score_mean"], 1e-6)


def cases():
    for title, (n, m, d) in {"square": (60, 60, 6), "more_fakes": (70, 90, 16), "few": (9, 12, 30)}.items():
        name = f"features_{title}"
        real, fake = Filled(f"{name}.real", [n, d]), Filled(f"{name}.fake", [m, d], -0.7, 1.2)
        a, b = real.array(), fake.array()
        few = max(n, m) <= d
        distance = frechet_of_few(a, b) if few else frechet(a, b)
        agree(f"{name}: two forms", frechet_of_few(a, b), distance, 1e-9)
        precision, recall = precision_recall(a, b)
        half = n // 2
        values = {
            "frechet": distance,
            "precision": precision,
            "recall": recall,
            "two_sample": two_sample(a, b),
            "diversity": diversity(a, b),
            "memorization": memorization(a[:half], a[half:], b),
        }
        inputs = {"real": real.json(), "fake": fake.json()}
        if n == m:
            logits = Filled(f"{name}.logits", [n, 7], -3.0, 3.0)
            score, deviation = class_score(logits.array(), 5)
            values |= {"kid": kid(a, b), "class_score": score, "class_score_deviation": deviation}
            inputs["logits"] = logits.json()
            check_with_torch_fidelity(a, b, logits.array(), values)
        yield {"name": name, "inputs": inputs, "values": {key: float(value) for key, value in values.items()}}

    for title, shape in {"grey": (8, 32, 48, 1), "color": (6, 33, 34, 3)}.items():
        name = f"images_{title}"
        real, fake = Filled(f"{name}.real", shape, 0.0, 256.0), Filled(f"{name}.fake", shape, 20.0, 200.0)
        a, b = bytes_of(real), bytes_of(fake)
        mean, variance = ink(a, b)
        values = {"colors": color_distance(a, b), "ink_mean": mean, "ink_variance": variance}
        if shape[1] % 16 == 0 and shape[2] % 16 == 0:
            # Noise is unlike noise; half of another image is alike at the coarse scales.
            blend = np.floor((a[0] + a[1]) / 2)
            values |= {"ms_ssim_blend": ms_ssim(a[0], blend), "ms_ssim": ms_ssim(a[0], a[1])}
        levels = [laplacian_level(a[0], level, 2) for level in range(2)]
        weights = [np.cos(np.arange(level.size)) for level in levels]
        values |= {f"level_{i}": float((level.ravel() * w).sum()) for i, (level, w) in enumerate(zip(levels, weights))}
        values |= {f"pca_variance_{i}": float(v) for i, v in enumerate(pca_variances(a, 3))}
        inputs = {"real": real.json(), "fake": fake.json()}
        yield {"name": name, "inputs": inputs, "values": {key: float(value) for key, value in values.items()}}
