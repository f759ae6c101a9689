"""The quickdraw step in Keras on TensorFlow: compiled graphs (`tf.function`). This module needs no PyTorch."""

import os

from .systems import CASES
from .timing import timed

LATENT = 32
DROPOUT = 0.4


def time_steps(task):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf
    from keras import layers

    tf.config.threading.set_intra_op_parallelism_threads(task["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(task["threads"])
    keras.utils.set_random_seed(0)

    def block(filters, stride):
        conv = layers.Conv2D(filters, 5, strides=stride, padding="same", activation="relu")
        return [conv, layers.Dropout(DROPOUT)]

    discriminator = keras.Sequential([
        layers.Input((28, 28, 1)), *block(64, 2), *block(128, 2), *block(256, 2), *block(512, 1),
        layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip

    def block_of_generator(filters):
        conv = layers.Conv2DTranspose(filters, 5, padding="same")
        return [conv, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    generator = keras.Sequential([
        layers.Input((LATENT,)), layers.Dense(3136), layers.BatchNormalization(momentum=0.9), layers.ReLU(),
        layers.Reshape((7, 7, 64)), layers.Dropout(DROPOUT), layers.UpSampling2D(), *block_of_generator(32), layers.UpSampling2D(),
        *block_of_generator(16), *block_of_generator(8), layers.Conv2D(1, 5, padding="same", activation="sigmoid"),
    ])  # fmt: skip
    assert discriminator.count_params() == 4_311_553 and generator.count_params() == 183_713

    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    make = lambda lr: keras.optimizers.RMSprop(lr, rho=0.9, epsilon=1e-7, clipvalue=1.0)  # noqa: E731
    d_optimizer, g_optimizer = make(8e-4), make(4e-4)
    d_optimizer.build(discriminator.trainable_variables)
    g_optimizer.build(generator.trainable_variables)
    images = tf.random.uniform((1024, 28, 28, 1))
    batch = CASES[task["case"]].batch
    labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], 0)

    def update(optimizer, network, tape, loss):
        weights = [variable.value for variable in network.trainable_variables]
        optimizer.apply(tape.gradient(loss, weights), network.trainable_variables)

    def latents():
        return tf.random.uniform((batch, LATENT), -1.0, 1.0)

    @tf.function
    def whole_step():
        reals = tf.gather(images, tf.random.shuffle(tf.range(len(images)))[:batch])
        fakes = generator(latents(), training=False)
        with tf.GradientTape() as tape:
            d_loss = bce(labels, discriminator(tf.concat([reals, fakes], 0), training=True))
        update(d_optimizer, discriminator, tape, d_loss)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in generator.trainable_variables])
            g_loss = bce(labels[:batch], discriminator(generator(latents(), training=True), training=True))
        update(g_optimizer, generator, tape, g_loss)
        return d_loss, g_loss

    def step():
        for loss in whole_step():
            float(loss)

    return {**timed(step, task), "version": f"keras {keras.__version__}, tensorflow {tf.__version__}"}
